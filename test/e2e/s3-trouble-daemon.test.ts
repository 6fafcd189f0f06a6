import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startConnectProxy } from "../integration/s3-rig.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { snapshotStatus } from "../support/restored-etcd.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { assertFails, CLUSTER, heard, setScene, stdoutOf } from "./scene.ts";

describe("two stores, S3 that comes back, and a proxy", { concurrency: 2 }, () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;

  before(async () => {
    etcd = await startEtcd({ shared: true });
    rgw = await startRgw({ shared: true });
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  it("save into two stores is 13 when S3 refuses, and the copy in the directory is whole", async () => {
    await using scene = await setScene({ etcd, rgw });
    const path = join(scene.home, "snapshots");
    await scene.configure({ directory: { path, minFree: "0%" }, s3: { bucket: "no-such-bucket" } });
    const result = await scene.ark(["save", "-o", "json"]);
    assertIncomplete(result, { says: /in "s3:\/\/no-such-bucket\/".*does not exist/, hint: /s3\.bucket/ });
    const { name, key, stores } = JSON.parse(result.stdout);
    assert.deepEqual(stores, [`file://${path}/`]);
    assert.ok((await snapshotStatus(join(path, key))).totalKey >= 0);
    assert.deepEqual(await readdir(join(path, CLUSTER, "manifests")), [`${name}.json`]);
    assert.deepEqual(await readdir(join(path, CLUSTER, "runs")).catch(() => []), []);
  });

  it("save into two stores is 13 when the directory cannot be, and the copy in S3 is whole", async () => {
    await using scene = await setScene({ etcd, rgw });
    await writeFile(join(scene.home, "file"), "");
    await scene.configure({ directory: { path: join(scene.home, "file", "snapshots") } });
    const result = await scene.ark(["save", "-o", "json"]);
    assertIncomplete(result, { says: /in "file:\/\/.*a file is where a directory has to be/, hint: /directory\.path/ });
    const { name, key, sha256, stores } = JSON.parse(result.stdout);
    assert.deepEqual(stores, [`s3://${scene.bucket.name}/`]);
    assert.equal((await scene.bucket.get(key)).subarray(-32).toString("hex"), sha256);
    assert.deepEqual(await scene.left(), [`${CLUSTER}/manifests/${name}.json`, key]);
  });

  it("two stores that are well hold the same bytes, and one row lists both", async () => {
    await using scene = await setScene({ etcd, rgw });
    const path = join(scene.home, "snapshots");
    await scene.configure({ directory: { path, minFree: "0%" } });
    const { name, key } = await scene.save();
    assert.ok((await scene.bucket.get(key)).equals(await readFile(join(path, key))));
    const [listed] = await scene.list();
    assert.deepEqual([...(listed?.stores ?? [])].sort(), [`file://${path}/`, `s3://${scene.bucket.name}/`]);
    stdoutOf(await scene.ark(["delete", name]));
    assert.deepEqual(await scene.left(), []);
    assert.deepEqual((await readdir(join(path, CLUSTER))).sort(), ["RUNBOOK.txt", "cluster.json"]);
  });

  it("the daemon outlives an S3 that is away for several ticks, and backs up when it is back", async () => {
    await using proxy = await startFaultProxy(rgw.endpoint);
    const schedule = { cron: "*/2 * * * * *", jitter: "0s" };
    await using scene = await setScene({ etcd, rgw, s3Endpoint: proxy.url, config: { schedule } });
    await using daemon = scene.start(["run"]);
    await heard(daemon, "backup.finished");
    // Between two backups: one that is under way tries for more than a minute before it gives up.
    await eventually(() => isQuiet(proxy));
    proxy.refuse();
    proxy.sever();
    const failed = await heard(daemon, "backup.failed");
    const told =
      /STORE_UNAVAILABLE.*the connection to .* broke off.*"hint":"Check s3\.endpoint, the network and s3\.proxy/;
    assert.match(JSON.stringify(failed["err"]), told);
    const away = daemon.lines.length;
    await daemon.line('"event":"schedule.next"', { from: away });
    await daemon.line('"event":"schedule.next"', { from: away + 1 });
    assert.ok(!daemon.lines.slice(away).some((line) => line.includes("backup.finished")));
    const back = daemon.lines.length;
    const since = process.uptime();
    proxy.resume();
    await heard(daemon, "backup.finished", back);
    assert.ok(process.uptime() - since < 30, "a backup within 30 s");
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    const names = (await scene.list()).map(({ name }) => name);
    const keys = names.flatMap((name) => [`${CLUSTER}/manifests/${name}.json`, `${CLUSTER}/snapshots/${name}`]);
    assert.deepEqual((await scene.left()).sort(), keys.sort());
  });

  it("HTTPS_PROXY is for S3 alone: etcd is asked directly", async () => {
    await using own = await startEtcd({ tls: true });
    await using proxy = await startConnectProxy();
    await using scene = await setScene({ etcd: own, rgw });
    const { caFile, certFile, keyFile } = own.tls ?? {};
    const s3 = { endpoint: rgw.tlsEndpoint, endpointCA: rgw.caFile };
    await scene.configure({ s3, etcd: { endpoints: own.endpoints, tls: { caFile, certFile, keyFile } } });
    const names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "grpc_proxy"];
    const env = { ...scene.env, ...Object.fromEntries(names.map((name) => [name, proxy.url])) };
    stdoutOf(await scene.ark(["save"], { env }));
    assert.deepEqual(new Set(proxy.targets), new Set([new URL(rgw.tlsEndpoint).host]));
  });
});

/** Whether nothing goes through for a while. */
async function isQuiet({ bytes }: FaultProxy): Promise<boolean> {
  const before = bytes.up;
  await delay(300);
  return bytes.up === before;
}

/** Fails, although it prints what was stored. */
function assertIncomplete(
  result: Parameters<typeof assertFails>[0],
  { says, hint }: { readonly says: RegExp; readonly hint: RegExp },
): void {
  assertFails({ ...result, stdout: "" }, { exit: 13, code: "COPY_MISSING", says, hint });
}
