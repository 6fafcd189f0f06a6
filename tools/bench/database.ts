import { randomBytes, randomInt } from "node:crypto";
import { access, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Etcd3 } from "etcd3";
import { cacheDirectory } from "../../test/support/debian.ts";
import { type EtcdCluster, startEtcd } from "../../test/support/etcd.ts";
import { type RestoredEtcd, startRestored } from "../../test/support/restored-etcd.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
/** Of values: from a small Kubernetes object to a big one. */
const VALUE = { least: KIB, most: 48 * KIB } as const;
/** etcd takes requests of 1.5 MiB and 128 operations. */
const REQUEST_BYTES = MIB;
const IN_FLIGHT = 4;

/** Starts an etcd 3.5 whose database has about `bytes`. The first time it is filled; its snapshot is kept in the cache. */
export async function startDatabase(bytes: number): Promise<RestoredEtcd> {
  await fillOnce(bytes);
  return await startRestored(databaseFile(bytes));
}

/** Makes the snapshot of a database of about `bytes`, unless it is in the cache. */
export async function fillOnce(bytes: number): Promise<void> {
  const file = databaseFile(bytes);
  if (!(await exists(file))) await fill(file, { bytes, value: VALUE });
}

/** Where the snapshot of a database of about `bytes` is kept. */
export function databaseFile(bytes: number): string {
  return join(cacheDirectory(), `bench-${Math.round(bytes / MIB)}MiB.db`);
}

/** Makes the snapshot of a database of so many keys of a KiB, unless it is in the cache, and gives its path. */
export async function fillKeysOnce(keys: number): Promise<string> {
  const file = join(cacheDirectory(), `bench-${keys}-keys.db`);
  if (!(await exists(file))) await fill(file, { bytes: keys * KIB, value: { least: KIB, most: KIB } });
  return file;
}

interface Filling {
  /** Of values, in all. */
  readonly bytes: number;
  /** Bytes of each. */
  readonly value: { readonly least: number; readonly most: number };
}

async function fill(file: string, { bytes, value }: Filling): Promise<void> {
  console.log(`Filling an etcd with ${Math.round(bytes / MIB)} MiB, once: kept as ${file}`);
  await mkdir(cacheDirectory(), { recursive: true });
  await using etcd = await startEtcd({
    // The log of raft would otherwise hold all of it once more, in memory.
    extraArgs: [
      "--quota-backend-bytes=17179869184",
      "--snapshot-count=100",
      "--experimental-snapshot-catchup-entries=50",
    ],
  });
  await putValues(etcd, { bytes, value });
  await etcd.etcdctl("snapshot", "save", `${file}.partial`);
  await rename(`${file}.partial`, file);
  await rm(`${file}.partial.part`, { force: true });
}

async function putValues({ endpoints }: EtcdCluster, { bytes, value }: Filling): Promise<void> {
  const client = new Etcd3({ hosts: [...endpoints], grpcOptions: { "grpc.max_send_message_length": -1 } });
  let left = bytes;
  let count = 0;
  const putInTurn = async (): Promise<void> => {
    while (left > 0) {
      const puts = nextPuts(value, () => `/registry/pods/namespace-${count % 50}/pod-${count++}`);
      left -= puts.reduce((sum, { request_put: { value } }) => sum + value.length, 0);
      await client.kv.txn({ success: puts });
    }
  };
  try {
    await Promise.all(Array.from({ length: IN_FLIGHT }, putInTurn));
  } finally {
    client.close();
  }
}

function nextPuts({ least, most }: Filling["value"], nextKey: () => string) {
  const puts: { request_put: { key: Buffer; value: Buffer } }[] = [];
  for (let size = 0; size < REQUEST_BYTES && puts.length < 128; ) {
    const value = randomBytes(Math.round(least * (most / least) ** (randomInt(1000) / 1000)));
    puts.push({ request_put: { key: Buffer.from(nextKey()), value } });
    size += value.length;
  }
  return puts;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
