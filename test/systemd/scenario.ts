import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { parse, stringify } from "yaml";
import { type TestBucket, testBucket } from "../support/aws.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { type Rgw, type RgwUser, startRgw } from "../support/rgw.ts";
import { tempDir } from "../support/temp-dir.ts";
import { appendInside, events, follow, inside, journal, type LogLine, property, writeInside } from "./container.ts";
import { edit, installBlocks } from "./readme.ts";

/** An account that is neither root nor known in the container: reading its key takes CAP_DAC_READ_SEARCH. */
const ETCD_ACCOUNT = "4242:4242";

let etcd: EtcdCluster;
let rgw: Rgw;
let user: RgwUser;
let bucket: TestBucket;

before(async () => {
  etcd = await startEtcd({ tls: true });
  rgw = await startRgw();
  user = await rgw.createUser("service");
  // Keys of its own, which outlive the rotation.
  bucket = testBucket(await rgw.createBucket({}, user), rgw, await rgw.addKey(user.uid));
  await etcd.etcdctl("put", "hello", "world");
});

after(async () => {
  bucket?.[Symbol.dispose]();
  await rgw?.[Symbol.asyncDispose]();
  await etcd?.[Symbol.asyncDispose]();
});

afterEach(async (context) => {
  if (!("passed" in context) || context.passed) return;
  for (const line of (await journal()).slice(-4)) context.diagnostic(JSON.stringify(line));
});

/** What an operator would not set but for these servers and for the sake of haste. */
function surroundings() {
  return {
    node: "cp-1",
    etcd: {
      endpoints: etcd.endpoints,
      tls: { caFile: "/etc/etcd/ca.crt", certFile: "/etc/etcd/client.crt", keyFile: "/etc/etcd/client.key" },
    },
    s3: { endpoint: rgw.tlsEndpoint, endpointCA: "/etc/etcd-ark/s3-ca.crt" },
    schedule: { cron: "*/3 * * * * *", jitter: "0s" },
    retention: { last: 5, daily: 0, weekly: 0 },
  };
}

function config(s3 = {}): string {
  const base = surroundings();
  return stringify({ cluster: "prod", ...base, s3: { bucket: bucket.name, ...base.s3, ...s3 } });
}

async function writeCredentials(keys: { accessKeyId: string; secretAccessKey: string }): Promise<void> {
  const text = `[default]\naws_access_key_id = ${keys.accessKeyId}\naws_secret_access_key = ${keys.secretAccessKey}\n`;
  await writeInside("/root/.aws/credentials", text);
}

/** Waits for a backup that was finished after this call. */
async function nextBackup(): Promise<LogLine> {
  const seen = (await events("backup.finished")).length;
  const options = { timeoutMs: 60_000, intervalMs: 500 };
  const finished = await eventually(async () => (await events("backup.finished"))[seen], options);
  assert.ok(finished);
  return finished;
}

async function journalText(): Promise<string> {
  return JSON.stringify(await journal());
}

/** What the container holds before the service is installed: etcd's certificates, and root's credentials file. */
async function prepareMachine(): Promise<void> {
  const { tls } = etcd;
  assert.ok(tls);
  await writeInside("/etc/hosts", "127.0.0.1 localhost\n", "0644");
  await writeInside("/etc/etcd/ca.crt", await readFile(tls.caFile, "utf8"));
  await writeInside("/etc/etcd/client.crt", await readFile(tls.certFile, "utf8"));
  await writeInside("/etc/etcd/client.key", await readFile(tls.keyFile, "utf8"));
  await inside("chown", "-R", ETCD_ACCOUNT, "/etc/etcd");
  await inside("chmod", "0700", "/etc/etcd");
  await writeInside("/etc/etcd-ark/s3-ca.crt", await readFile(rgw.caFile, "utf8"), "0644");
  await writeCredentials(user);
}

test("the service, installed by README's own commands, backs up on schedule", async () => {
  const blocks = installBlocks();
  assert.deepEqual(
    blocks.map(({ language }) => language),
    ["sh", "sh", "ini", "yaml", "sh"],
  );
  const [, install, environment, settings, start] = blocks.map(({ text }) => text);
  assert.ok(install && environment && settings && start);
  await prepareMachine();

  await follow(install);
  await appendInside("/etc/default/etcd-ark", environment);
  const example = await inside("cat", "/etc/etcd-ark/config.yaml");
  const named = edit(example, parse(settings.replace("my-bucket", bucket.name)));
  await writeInside("/etc/etcd-ark/config.yaml", edit(named, surroundings()), "0640");
  const printed = await follow(start, { until: /"event":"backup\.finished"/ });

  assert.match(printed, /^configuration: right/m);
  assert.match(printed, /^credentials: key …\S+ from .*\/root\/\.aws\/credentials/m);
  assert.match(printed, /^etcd: cluster [0-9a-f]+, /m);
  assert.match(printed, new RegExp(`^store: s3://${bucket.name}/ answers$`, "m"));
  assert.equal(await inside("systemctl", "is-enabled", "etcd-ark"), "enabled");
});

test("the service stores what stock etcdutl takes for a snapshot", async () => {
  const { snapshot, revision } = await nextBackup();

  await using directory = await tempDir();
  const body = await bucket.get(`prod/snapshots/${snapshot}`);
  const manifest = JSON.parse((await bucket.get(`prod/manifests/${snapshot}.json`)).toString());
  const digest = createHash("sha256").update(body.subarray(0, -32)).digest("hex");
  const file = join(directory.path, "snapshot.db");
  await writeFile(file, body);
  const status = JSON.parse(await etcd.etcdutl("snapshot", "status", file, "-w", "json"));
  assert.deepEqual([manifest.sha256, body.subarray(-32).toString("hex")], [digest, digest]);
  assert.deepEqual([String(status.revision), manifest.revision], [revision, revision]);
});

test("the service names the file to edit when HOME is missing", async () => {
  await inside("systemctl", "stop", "etcd-ark");
  const before = await events("backup.finished");
  await inside("sed", "-i", "/^HOME=/d", "/etc/default/etcd-ark");
  await inside("systemctl", "start", "etcd-ark");

  await eventually(async () => /echo HOME=\/root >> \S+\/etcd-ark\.service\.env/.test(await journalText()));
  assert.deepEqual(await events("backup.finished"), before);
});

test("the service finds the credentials once HOME stands in service.env, as k3s has it", async () => {
  await appendInside("/etc/systemd/system/etcd-ark.service.env", "HOME=/root\n");
  await inside("systemctl", "restart", "etcd-ark");

  await nextBackup();
});

test("the service runs with one capability and a read-only system", async () => {
  const pid = await property("MainPID");

  const status = await inside("cat", `/proc/${pid}/status`);
  const bit = (1n << 2n).toString(16).padStart(16, "0");
  for (const set of ["CapPrm", "CapEff", "CapBnd"]) assert.match(status, new RegExp(`${set}:\\s${bit}`));
  assert.match(status, /NoNewPrivs:\s1/);
  assert.equal(await inside("stat", "-c", "%U:%a", "/var/lib/etcd-ark"), "root:700");
  const mounts = await inside("cat", `/proc/${pid}/mounts`);
  assert.match(mounts, / \/ \w+ ro[, ]/);
  assert.doesNotMatch(mounts, / \/(?:root|home|etc|opt)\S* \w+ rw[, ]/);
});

test("etcd-ark at a shell reads what the service reads", async () => {
  const snapshots = JSON.parse(await inside("etcd-ark", "list", "-o", "json"));

  assert.ok(snapshots.length > 0);
  assert.equal(snapshots[0].cluster, "prod");
});

test("the service follows a rotated key without a restart", async () => {
  const pid = await property("MainPID");
  const next = await rgw.addKey(user.uid);
  await rgw.removeKey(user.accessKeyId);
  await delay(4000);
  await writeCredentials(next);

  await eventually(
    async () => (await events("credentials.changed")).some(({ keyTail }) => next.accessKeyId.endsWith(String(keyTail))),
    { timeoutMs: 30_000 },
  );
  await nextBackup();

  assert.equal(await property("MainPID"), pid);
  assert.ok(!(await journalText()).includes(next.secretAccessKey));
});

test("the service is started again after SIGKILL and goes on", async () => {
  const pid = await property("MainPID");
  assert.match(pid, /^[1-9]\d+$/);
  await inside("kill", "-KILL", pid);

  await eventually(async () => (await property("NRestarts")) === "1", { timeoutMs: 20_000 });
  await nextBackup();

  assert.notEqual(await property("MainPID"), pid);
});

test("the service reads its env file anew when it is restarted", async () => {
  await appendInside("/etc/default/etcd-ark", "ETCD_ARK_NODE=renamed\n");
  await inside("systemctl", "restart", "etcd-ark");

  assert.match(String((await nextBackup())["snapshot"]), /^ark-renamed-/);
});

test("the service stops cleanly in the middle of an upload", async () => {
  const value = "x".repeat(100_000);
  for (let index = 0; index < 150; index++) await etcd.etcdctl("put", `big/${index}`, value);
  await writeInside("/etc/etcd-ark/config.yaml", config({ partSize: "5MiB", bandwidth: "256KiB" }));
  await inside("systemctl", "restart", "etcd-ark");
  await eventually(async () => (await bucket.uploads()).length > 0, { timeoutMs: 60_000 });
  const manifests = await bucket.keys("prod/manifests/");

  await inside("systemctl", "stop", "etcd-ark");

  assert.deepEqual([await property("Result"), await property("ExecMainStatus")], ["success", "0"]);
  assert.deepEqual(await bucket.uploads(), []);
  assert.deepEqual(await bucket.keys("prod/manifests/"), manifests);
  const snapshots = (await bucket.keys("prod/snapshots/")).map((key) => key.split("/").at(-1));
  assert.deepEqual(
    snapshots,
    manifests.map((key) =>
      key
        .split("/")
        .at(-1)
        ?.replace(/\.json$/, ""),
    ),
  );
  assert.equal((await events("daemon.stopping")).length > 0, true);
});

test("the service ends with 10, and stays so, when a key of its configuration is unknown", async () => {
  await writeInside("/etc/etcd-ark/config.yaml", `${config()}shedule: {}\n`);
  await inside("systemctl", "start", "etcd-ark");

  await eventually(async () => (await property("ActiveState")) === "failed");
  const restarts = await property("NRestarts");
  await delay(7000);
  assert.deepEqual([await property("ActiveState"), await property("ExecMainStatus")], ["failed", "10"]);
  assert.equal(await property("NRestarts"), restarts);
  assert.match(await journalText(), /did you mean \\+"schedule/i);
});
