/** What the tests of the etcd source share: sources for a cluster, writing keys, and taking whole snapshots. */
import { createHash, randomBytes } from "node:crypto";
import { Etcd3 } from "etcd3";
import { systemClock } from "../../src/app/system-clock.ts";
import { type IndexedSnapshot, RevisionIndex } from "../../src/bolt/stream-index.ts";
import { Config } from "../../src/config/schema.ts";
import { createSnapshotSource } from "../../src/etcd/snapshot-source.ts";
import type { SnapshotOrigin, SnapshotSource } from "../../src/ports/snapshot-source.ts";
import type { EtcdCluster } from "../support/etcd.ts";
import { TelemetryRecorder } from "../support/telemetry-recorder.ts";

export const never = new AbortController().signal;

export interface RigSource extends SnapshotSource {
  readonly telemetry: TelemetryRecorder;
}

/** A source with the cluster's endpoints, certificates and root user; `etcd` replaces keys of the configuration. */
export function sourceOf(
  cluster: Pick<EtcdCluster, "endpoints" | "tls" | "auth">,
  etcd: Record<string, unknown> = {},
): RigSource {
  const { tls, auth, endpoints } = cluster;
  const keys = tls && { caFile: tls.caFile, certFile: tls.certFile, keyFile: tls.keyFile };
  const user = auth && { username: auth.username, password: auth.password };
  const { etcd: config } = Config.parse({
    etcd: { endpoints: [...endpoints], ...(keys && { tls: keys }), ...(user && { auth: user }), ...etcd },
  });
  const telemetry = new TelemetryRecorder();
  return Object.assign(createSnapshotSource({ config, clock: systemClock, telemetry }), { telemetry });
}

export interface TakenSnapshot extends IndexedSnapshot {
  readonly origin: SnapshotOrigin;
  readonly bytes: Buffer;
  /** Whether the last 32 bytes are the SHA-256 of all others. */
  readonly isIntact: boolean;
}

/** Takes a whole snapshot into memory. */
export async function takeSnapshot(source: SnapshotSource): Promise<TakenSnapshot> {
  const origin = await source.choose(new Set(), never);
  await using stream = await source.open(origin.member, never);
  const index = new RevisionIndex();
  const blobs: Uint8Array[] = [];
  await stream.pump((blob) => {
    index.write(blob);
    blobs.push(blob);
    return undefined;
  });
  const bytes = Buffer.concat(blobs);
  const digest = createHash("sha256").update(bytes.subarray(0, -32)).digest();
  return { origin, bytes, isIntact: digest.equals(bytes.subarray(-32)), ...index.finish() };
}

/** Puts `count` keys with random values of `size` bytes. */
export async function putKeys(endpoint: string, { count, size }: { count: number; size: number }): Promise<void> {
  const etcd = new Etcd3({ hosts: endpoint });
  try {
    for (let index = 0; index < count; index++) await etcd.put(`key-${index}`).value(randomBytes(size));
  } finally {
    etcd.close();
  }
}

/** The revision that the member tells, as etcd's own tool reads it. */
export async function revisionOf(cluster: EtcdCluster): Promise<bigint> {
  const [status] = JSON.parse(await cluster.etcdctl("endpoint", "status", "-w", "json"));
  return BigInt(status.Status.header.revision);
}
