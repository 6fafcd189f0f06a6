// The main job on real parts, as a story that ends by itself: `npm run demo [-- --keep]`.
// SABOTAGE=flip|norevoke|truncate|noprune|doctor breaks one step, and the demo has to notice.
import assert from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../../src/app/system-clock.ts";
import { type AwsKeys, type TestBucket, testBucket } from "../../test/support/aws.ts";
import { snapshotStatus, startRestored } from "../../test/support/restored-etcd.ts";
import { DemoDaemon } from "./daemon.ts";
import { KeyWriter } from "./key-writer.ts";
import { ark, KEEP_TICKS, type Stage, setStage, writeCredentials } from "./stage.ts";

const SABOTAGES = ["", "flip", "norevoke", "truncate", "noprune", "doctor"];
const sabotage = process.env["SABOTAGE"] ?? "";
const keep = process.argv.includes("--keep");
const began = systemClock.monotonic();
let step = 0;

function tell(line: string): void {
  step += 1;
  console.log(
    `${String(step).padStart(2)}. [${((systemClock.monotonic() - began) / 1000).toFixed(1).padStart(5)} s] ${line}`,
  );
}

async function main(): Promise<void> {
  assert.ok(SABOTAGES.includes(sabotage), `SABOTAGE is one of ${SABOTAGES.filter(Boolean).join(", ")}`);
  await using stack = new AsyncDisposableStack();
  const stage = await setStage(stack, { prunes: sabotage !== "noprune" });
  tell(
    `etcd ${stage.etcd.version} at ${stage.etcd.endpoints[0]}, Ceph RGW at ${stage.rgw.endpoint}, bucket "${stage.bucket}"`,
  );
  const writer = stack.use(new KeyWriter(stage.etcd));
  const daemon = stack.use(new DemoDaemon(stage));
  tell("a writer changes keys; the daemon runs with HOME and a credentials file, a backup every 3 s");
  const first = await daemon.heard("backup.finished", 2);
  tell(`2 backups are stored and verified, the newest at revision ${first["revision"]}`);
  const keys = await rotate(stage, daemon);
  using bucket = testBucket(stage.bucket, stage.rgw, keys);
  await seePruned(daemon, bucket);
  const code = keep ? await showAndWait(stage, daemon) : await daemon.stop();
  assert.equal(code, 0, `the daemon ended with exit code ${code}`);
  await writer.stop();
  tell("told to stop, the daemon ends with exit code 0");
  await bringBack(stage, bucket);
  console.log(`    done: every step held, ${((systemClock.monotonic() - began) / 1000).toFixed(0)} s`);
}

/** The old key is revoked as soon as the new one is in the file; the daemon is not restarted. */
async function rotate(stage: Stage, daemon: DemoDaemon): Promise<AwsKeys> {
  const next = await stage.rgw.addKey(stage.user.uid);
  const { length } = daemon.lines;
  const changes = daemon.count("credentials.changed");
  await writeCredentials(stage, next);
  if (sabotage !== "norevoke") await stage.rgw.removeKey(stage.user.accessKeyId);
  assert.ok(!(await works(stage, stage.user)), "the old key still works: nothing was rotated");
  await daemon.heard("credentials.changed", changes + 1);
  tell(
    `the key is rotated: …${next.accessKeyId.slice(-4)} is in the file, …${stage.user.accessKeyId.slice(-4)} is revoked`,
  );
  await daemon.heard("backup.finished", daemon.count("backup.finished") + 2);
  const failed = daemon.lines.slice(length).filter(({ event }) => event === "backup.failed").length;
  assert.equal(failed, 0, `${failed} runs failed over the rotation`);
  tell("2 more backups under the new key, without a restart, and no run failed");
  return next;
}

async function works({ rgw, bucket }: Stage, keys: AwsKeys): Promise<boolean> {
  using opened = testBucket(bucket, rgw, keys);
  return await opened.keys().then(
    () => true,
    () => false,
  );
}

async function seePruned(daemon: DemoDaemon, bucket: TestBucket): Promise<void> {
  const pruned = (): number =>
    daemon.lines.reduce(
      (sum, { event, deleted }) => sum + (event === "prune.finished" && Array.isArray(deleted) ? deleted.length : 0),
      0,
    );
  for (let times = 1; pruned() < 2 && times <= 8; times++)
    await daemon.heard("prune.finished", daemon.count("prune.finished") + 1);
  assert.ok(pruned() >= 2, "nothing was pruned");
  const manifests = await bucket.keys("demo/manifests/");
  assert.ok(
    manifests.length <= KEEP_TICKS + 1,
    `${manifests.length} snapshots are stored, retention keeps ${KEEP_TICKS}`,
  );
  tell(`retention keeps the last ${KEEP_TICKS}; ${pruned()} older ones are deleted`);
}

async function bringBack(stage: Stage, bucket: TestBucket): Promise<void> {
  const listed: { name: string; revision: string; snapshotSize: number; stores: string[] }[] = JSON.parse(
    await ark(stage, "list", "-o", "json"),
  );
  const newest = listed.at(-1);
  assert.ok(newest, "the bucket holds no snapshot");
  tell(`the bucket holds ${listed.length} snapshots, the newest is ${newest.name}`);
  await damage(bucket, `demo/snapshots/${newest.name}`);
  const file = join(stage.directory, "fetched.db");
  await ark(stage, "fetch", newest.name, "--to", file);
  tell(`fetched back: ${newest.snapshotSize} bytes, digest right`);
  const status = await snapshotStatus(file);
  assert.equal(String(status.revision), newest.revision);
  tell(`stock etcdutl agrees: revision ${status.revision}, hash ${status.hash.toString(16)}`);
  await using restored = await startRestored(file);
  const everything = ["get", "", "--prefix", "--limit=1", "--write-out=json"];
  const { header, count } = JSON.parse(await restored.etcdctl(...everything));
  assert.equal(String(header.revision), newest.revision);
  // What the cluster itself had at that moment, whatever the writer has done since.
  const then = JSON.parse(await stage.etcd.etcdctl(...everything, `--rev=${newest.revision}`));
  assert.equal(count, then.count);
  tell(`restored with stock etcdutl and started: revision ${header.revision}, all ${count} keys are there`);
  await prove(stage, bucket, newest.name);
}

/** The same by itself: every page and row, and a drill, of which the bucket keeps the evidence. */
async function prove(stage: Stage, bucket: TestBucket, name: string): Promise<void> {
  const [verified] = JSON.parse(await ark(stage, "verify", name, "-o", "json"));
  tell(
    `verified in the bucket: ${verified.totalKey} rows, hash ${verified.hash.toString(16)}, HashKV ${verified.hashKv}`,
  );
  if (sabotage === "doctor") await doctor(bucket, `demo/manifests/${name}.json`);
  const drilled = JSON.parse(await ark(stage, "drill", name, "-o", "json"));
  tell(
    `a drill restored it: etcd ${drilled.server.version} served ${drilled.liveKeys} keys after ${drilled.timeToRestoreMs} ms`,
  );
  const listed: { name: string; drill?: { passed: boolean } }[] = JSON.parse(await ark(stage, "list", "-o", "json"));
  assert.ok(listed.find((each) => each.name === name)?.drill?.passed, "the drill is not listed");
  const evidence = (await bucket.keys("demo/drills/")).at(-1);
  assert.ok(evidence, "the bucket keeps no evidence of the drill");
  tell(`its evidence is listed, and kept as ${evidence}`);
}

/** Writes another revision into a manifest. */
async function doctor(bucket: TestBucket, key: string): Promise<void> {
  const manifest = JSON.parse((await bucket.get(key)).toString());
  await bucket.put(key, JSON.stringify({ ...manifest, revision: "7", liveKeysRevision: "7" }));
}

/** What a bucket must not get away with. */
async function damage(bucket: TestBucket, key: string): Promise<void> {
  if (sabotage !== "flip" && sabotage !== "truncate") return;
  const bytes = await bucket.get(key);
  if (sabotage === "truncate") return await bucket.put(key, bytes.subarray(0, -4096));
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await bucket.put(key, bytes);
}

async function showAndWait(stage: Stage, daemon: DemoDaemon): Promise<number | null> {
  console.log(`
    It goes on until Ctrl-C. In another terminal:
      export HOME=${stage.directory}
      bin/etcd-ark list --config ${stage.configFile}
      bin/etcd-ark prune --dry-run --config ${stage.configFile}
      kill -TERM ${daemon.pid}      # ends the daemon, and the demo goes on to its end
`);
  return await daemon.ended;
}

process.exitCode = await main().then(
  () => 0,
  (error: unknown) => {
    console.error(`    FAILED after step ${step}: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  },
);
