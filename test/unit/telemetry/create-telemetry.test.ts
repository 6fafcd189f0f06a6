import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { BackupError } from "../../../src/errors.ts";
import { encodeManifest, type Manifest } from "../../../src/model/manifest.ts";
import type { Telemetry } from "../../../src/ports/telemetry.ts";
import { createTelemetry, type TelemetryOptions } from "../../../src/telemetry/create-telemetry.ts";

const TICK = Date.parse("2026-11-23T22:55:00Z");
const NAME = "ark-cp-1-20261123T225501123Z-abcd";

const manifest: Manifest = {
  formatVersion: 1,
  minReader: 1,
  name: NAME,
  cluster: "prod",
  clusterUuid: "6d7f",
  clusterId: "cdf818194e3a8c32",
  memberId: "8e9e05c52164694d",
  memberName: "cp-1",
  node: "cp-1",
  kind: "scheduled",
  tick: "2026-11-23T22:55:00.000Z",
  timeline: "1",
  etcdVersion: "3.5.16",
  storageVersion: "",
  distribution: "",
  startedAt: "2026-11-23T22:55:01.123Z",
  finishedAt: "2026-11-23T22:55:04.579Z",
  storedAt: "2026-11-23T22:55:04.000Z",
  revision: "9223372036854775807",
  linearized: true,
  dbSize: 24_576,
  snapshotSize: 24_608,
  storedSize: 24_608,
  sha256: "0".repeat(64),
  storedSha256: "1".repeat(64),
  encoding: [],
  key: `prod/snapshots/${NAME}`,
  parts: 1,
  versionId: null,
  lock: null,
  suspect: [],
  writer: "etcd-ark/0.1.0",
  liveKeys: 3,
  dbSizeInUse: 20_480,
};

async function record(
  tell: (telemetry: Telemetry) => void,
  options: Partial<TelemetryOptions> = {},
): Promise<string[]> {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  const context = { cluster: "prod", node: "cp-1" };
  tell(await createTelemetry({ level: "info", format: "json", stream, context, ...options }));
  return lines;
}

test("createTelemetry() writes one JSON line for a stored backup, at once", async () => {
  encodeManifest(manifest);

  const lines = await record((telemetry) =>
    telemetry.backupFinished({ store: "s3://bucket/prod", manifest, durationMs: 3456 }),
  );

  assert.equal(lines.length, 1);
  const { time, ...rest } = JSON.parse(lines[0] ?? "");
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, {
    level: "info",
    event: "backup.finished",
    cluster: "prod",
    node: "cp-1",
    snapshot: NAME,
    revision: "9223372036854775807",
    bytes: 24_608,
    durationMs: 3456,
    store: "s3://bucket/prod",
    tick: "2026-11-23T22:55:00.000Z",
    linearized: true,
    member: "cp-1",
    msg: "Backup finished",
  });
});

test("createTelemetry() gives each event its own name, level and constant message", async () => {
  const error = new BackupError("STORE_REFUSED", "Cannot write", { hint: "Grant s3:PutObject" });
  const summary = { store: "s3://b", kept: 3, hidden: [], deleted: [], left: {}, frozen: [] };

  const lines = await record((telemetry) => {
    telemetry.daemonStarted({ version: "1", config: "c", stores: [] });
    telemetry.scheduleNext({ tick: TICK, at: TICK + 1000 });
    telemetry.backupStarted({ snapshot: NAME, tick: TICK, member: "cp-1" });
    telemetry.backupFailed({ snapshot: NAME, tick: TICK, attempt: 1, error, retryAt: TICK + 5000 });
    telemetry.backupSkipped({ tick: TICK, why: "a run is under way" });
    telemetry.pruneFinished(summary);
    telemetry.pruneFinished({ ...summary, frozen: ["revision went back"] });
    telemetry.pruneFinished({ ...summary, left: { [NAME]: "locked" } });
    telemetry.sweepFinished({ store: "s3://b", recoveredRuns: [], abandonedUploads: 1 });
    telemetry.credentialsChanged({ layer: "sharedFile", source: "/root/.aws/credentials", keyTail: "MPLE" });
    telemetry.credentialsRejected({ source: "environment", keyTail: "MPLE", error });
    telemetry.historySuspect({ snapshot: NAME, reasons: ["revision went back"] });
    telemetry.warning("The env file is odd", { line: 3 });
    telemetry.daemonStopping({ why: "SIGTERM" });
  });

  const told = lines.map((line) => JSON.parse(line)).map(({ level, event, msg }) => `${level} ${event}: ${msg}`);
  assert.deepEqual(told, [
    "info daemon.started: Daemon started",
    "info schedule.next: Next backup scheduled",
    "info backup.started: Backup started",
    "error backup.failed: Backup failed",
    "warn backup.skipped: Backup skipped",
    "info prune.finished: Prune finished",
    "warn prune.finished: Prune finished",
    "warn prune.finished: Prune finished",
    "info sweep.finished: Sweep finished",
    "info credentials.changed: Credentials changed",
    "warn credentials.rejected: Credentials rejected",
    "warn history.suspect: History looks wrong: pruning is frozen",
    "warn warning: The env file is odd",
    "info daemon.stopping: Daemon stopping",
  ]);
});

test("createTelemetry() logs a failure with code, message and hint, and when it is tried again", async () => {
  const error = new BackupError("STORE_REFUSED", "Cannot write", { hint: "Grant s3:PutObject" });

  const lines = await record((telemetry) =>
    telemetry.backupFailed({ snapshot: undefined, tick: TICK, attempt: 2, error, retryAt: TICK + 5000 }),
  );

  const { err, retryAt, attempt } = JSON.parse(lines[0] ?? "");
  assert.deepEqual(err, { code: "STORE_REFUSED", message: "Cannot write", hint: "Grant s3:PutObject" });
  assert.deepEqual([retryAt, attempt], ["2026-11-23T22:55:05.000Z", 2]);
});

test("createTelemetry() writes nothing below its level", async () => {
  const lines = await record((telemetry) => telemetry.daemonStopping({ why: "SIGTERM" }), { level: "warn" });

  assert.deepEqual(lines, []);
});

test("createTelemetry() writes one readable line for each event when pretty", async () => {
  const error = new BackupError("STORE_REFUSED", 'Cannot write to bucket "b": access denied', {
    hint: "Grant s3:PutObject",
  });

  const lines = await record(
    (telemetry) => {
      telemetry.backupFinished({ store: "s3://bucket/prod", manifest, durationMs: 3456 });
      telemetry.backupFailed({ snapshot: undefined, tick: TICK, attempt: 2, error, retryAt: undefined });
      telemetry.daemonStarted({ version: "1", config: "c", stores: ["s3://a", "file:///b"] });
      telemetry.backupSkipped({ tick: TICK, why: "a run is under way" });
    },
    { format: "pretty" },
  );

  assert.match(lines[0] ?? "", /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\] INFO: Backup finished snapshot=ark-cp-1-/);
  assert.deepEqual(
    lines.map((line) => line.slice("[2026-11-23 22:55:00Z] ".length)),
    [
      `INFO: Backup finished snapshot=${NAME} revision=9223372036854775807 bytes=24.0KiB duration=3.5s store=s3://bucket/prod tick=2026-11-23T22:55:00.000Z linearized=true member=cp-1\n`,
      'ERROR: Backup failed: Cannot write to bucket "b": access denied (Grant s3:PutObject) tick=2026-11-23T22:55:00.000Z attempt=2\n',
      "INFO: Daemon started version=1 config=c stores=s3://a,file:///b\n",
      'WARN: Backup skipped tick=2026-11-23T22:55:00.000Z why="a run is under way"\n',
    ],
  );
});

test("createTelemetry() colours the pretty form when asked to, and not otherwise", async () => {
  const stop = (telemetry: Telemetry): void => telemetry.daemonStopping({ why: "SIGTERM" });

  const [plain] = await record(stop, { format: "pretty" });
  const [coloured] = await record(stop, { format: "pretty", colour: true });

  assert.ok(!plain?.includes("\u001b["));
  assert.ok(coloured?.includes("\u001b["));
});

test("createTelemetry() shows the stack of a bug when pretty", async () => {
  const error = new TypeError("x is not a function");

  const lines = await record(
    (telemetry) => telemetry.backupFailed({ snapshot: undefined, tick: TICK, attempt: 1, error, retryAt: undefined }),
    { format: "pretty" },
  );

  assert.match(lines[0] ?? "", /ERROR: Backup failed: x is not a function .*\nTypeError: x is not a function\n {4}at /);
});

test("createTelemetry() goes on when the stream throws", async () => {
  const stream = {
    write: () => {
      throw new Error("EIO");
    },
  };

  for (const format of ["json", "pretty"] as const) {
    assert.deepEqual(await record((telemetry) => telemetry.daemonStopping({ why: "x" }), { stream, format }), []);
  }
});

test("createTelemetry() outlives the reader of its stream", async () => {
  const program = `
    const { createTelemetry } = await import(${JSON.stringify(import.meta.resolve("../../../src/telemetry/create-telemetry.ts"))});
    const context = { cluster: "c", node: "n" };
    const telemetry = await createTelemetry({ level: "info", format: "json", stream: process.stderr, context });
    process.stdin.once("data", async () => {
      for (let i = 0; i < 3; i++) {
        telemetry.daemonStopping({ why: "x" });
        await new Promise(setImmediate);
      }
      process.stdout.write("alive");
      process.stdin.destroy();
    });
    process.stdout.write("ready");`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "pipe" });
  child.stdout.setEncoding("utf8");
  let said = "";
  child.stdout.on("data", (text) => {
    said += text;
    if (said !== "ready") return;
    child.stderr.destroy();
    child.stderr.once("close", () => child.stdin.write("go"));
  });

  const [code] = await once(child, "close");

  assert.deepEqual([code, said], [0, "readyalive"]);
});
