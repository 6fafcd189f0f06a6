import assert from "node:assert/strict";
import { mkdir, open, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { testBucket } from "../support/aws.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { snapshotStatus } from "../support/restored-etcd.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { fill } from "./big-etcd.ts";
import { credentialsText, heard, type Scene, setScene, stdoutOf } from "./scene.ts";

const MEBIBYTES = 108;
/** Parts from this one on wait for the key to be revoked, four of them in flight. */
const HELD_FROM = 9;

/** A way in which tools put a new credentials file in the old one's place; it calls `wait` before the file is whole. */
interface Way {
  readonly name: string;
  /** How the file is laid out beforehand, if it is no plain file. */
  readonly prepare?: (scene: Scene) => Promise<void>;
  readonly write: (scene: Scene, next: string, wait: () => Promise<void>) => Promise<void>;
}

const ways: readonly Way[] = [
  {
    name: "truncated and written in two steps",
    write: async ({ credentialsFile }, next, wait) => {
      await using file = await open(credentialsFile, "w");
      await wait();
      await file.write(next.slice(0, -12));
      await delay(300);
      await file.write(next.slice(-12));
    },
  },
  {
    name: "renamed over",
    write: async ({ credentialsFile }, next, wait) => {
      await writeFile(`${credentialsFile}.new`, next, { mode: 0o600 });
      await wait();
      await rename(`${credentialsFile}.new`, credentialsFile);
    },
  },
  {
    name: "deleted and created",
    write: async ({ credentialsFile }, next, wait) => {
      await rm(credentialsFile);
      await wait();
      await writeFile(credentialsFile, next, { mode: 0o600 });
    },
  },
  {
    name: "swapped by a symbolic link, as Kubernetes does",
    prepare: async ({ home, credentialsFile, user }) => {
      await writeVersion(home, "first", credentialsText(user));
      await rm(credentialsFile);
      await symlink(join(home, "..data", "credentials"), credentialsFile);
    },
    write: async ({ home }, next, wait) => {
      await wait();
      await writeVersion(home, "second", next);
    },
  },
  {
    name: "in a directory that appears",
    write: async ({ credentialsFile }, next, wait) => {
      await rm(dirname(credentialsFile), { recursive: true });
      await wait();
      await mkdir(dirname(credentialsFile), { mode: 0o700 });
      await writeFile(credentialsFile, next, { mode: 0o600 });
    },
  },
];

/** Writes a version of a mounted secret and points `..data` to it in one step. */
async function writeVersion(home: string, version: string, text: string): Promise<void> {
  await mkdir(join(home, version));
  await writeFile(join(home, version, "credentials"), text, { mode: 0o600 });
  await symlink(version, join(home, "..data_tmp"));
  await rename(join(home, "..data_tmp"), join(home, "..data"));
}

describe("a key that is revoked in mid-upload, 5 s before its successor is written", { concurrency: 5 }, () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;

  before(async () => {
    etcd = await startEtcd();
    await fill(etcd, MEBIBYTES);
    rgw = await startRgw({ shared: true });
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  for (const way of ways) {
    it(`does not cost the run when the file is ${way.name}`, async () => {
      await using proxy = await startFaultProxy(rgw.endpoint, { http: true });
      const config = { schedule: { cron: "0 0 1 1 *", onStart: true } };
      await using scene = await setScene({ etcd, rgw, s3Endpoint: proxy.url, config });
      await way.prepare?.(scene);
      const next = await rgw.addKey(scene.user.uid);
      const release = holdParts(proxy);
      await using daemon = scene.start(["run"]);
      await eventually(() => heldParts(proxy).length === 4, { timeoutMs: 60_000 });
      await rgw.removeKey(scene.user.accessKeyId);
      release();
      await way.write(scene, credentialsText(next), () => delay(5000));
      const finished = await heard(daemon, "backup.finished");
      assert.ok(!daemon.lines.some((line) => line.includes('"event":"backup.failed"')), daemon.lines.join("\n"));
      assertOneUpload(proxy, [scene.user.accessKeyId, next.accessKeyId]);
      daemon.kill("SIGTERM");
      assert.equal((await daemon.ended).code, 0);
      await assertWhole(scene, { etcd, name: String(finished["snapshot"]) });
      using bucket = testBucket(scene.bucket.name, rgw, next);
      assert.deepEqual(await bucket.uploads(), []);
    });
  }
});

/** Keeps back the parts from `HELD_FROM` on until the returned function is called. */
function holdParts(proxy: FaultProxy): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  const match = { when: ({ partNumber = 0 }) => partNumber >= HELD_FROM };
  proxy.inject({ match, times: 4, do: { hold: promise } });
  return resolve;
}

function heldParts({ requests }: FaultProxy) {
  return requests.filter(({ partNumber = 0, status }) => partNumber >= HELD_FROM && status === undefined);
}

/** All accepted parts are of one upload, and both keys have signed some. */
function assertOneUpload({ requests }: FaultProxy, keys: readonly string[]): void {
  const parts = requests.filter(({ operation, status }) => operation === "UploadPart" && status === 200);
  assert.equal(new Set(parts.map(({ uploadId }) => uploadId)).size, 1, "one upload");
  assert.ok(new Set(parts.map(({ partNumber }) => partNumber)).size >= 20, `only ${parts.length} parts`);
  assert.deepEqual(new Set(parts.map(({ accessKeyId }) => accessKeyId)), new Set(keys));
  const numbers = parts.map(({ partNumber }) => partNumber);
  assert.equal(numbers.length, new Set(numbers).size, "no part was accepted twice");
}

/** The stored snapshot is what etcd holds: fetching compares its digest, and the stock tool reads it. */
async function assertWhole(scene: Scene, { etcd, name }: { etcd: EtcdCluster; name: string }): Promise<void> {
  const file = join(scene.home, "fetched.db");
  stdoutOf(await scene.ark(["fetch", name, "--to", file]));
  const { revision, totalKey } = await snapshotStatus(file);
  const { header, count } = JSON.parse(await etcd.etcdctl("get", "/big/", "--prefix", "--keys-only", "-w=json"));
  assert.equal(revision, header.revision);
  assert.ok(totalKey >= count, `${totalKey} rows for ${count} keys`);
}
