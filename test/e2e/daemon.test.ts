import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { rename } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { assertNoPhantom, assertNothingElse } from "./bucket-truth.ts";
import { putValues } from "./etcd-writer.ts";
import { recover } from "./recovery.ts";
import { assertFails, heard, setScene } from "./scene.ts";

const MIB = 2 ** 20;

describe("the daemon", { concurrency: 3 }, () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;

  before(async () => {
    [etcd, rgw] = await Promise.all([startEtcd(), startRgw({ shared: true })]);
    await putValues(
      etcd.endpoints[0] ?? "",
      Array.from({ length: 12 }, () => randomBytes(MIB)),
    );
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  for (const order of [
    ["etcd", "s3", "credentials"],
    ["credentials", "s3", "etcd"],
    ["credentials", "etcd", "s3"],
  ] as const) {
    it(`waits for ${order.join(", then ")}, and takes a backup within 30 s of the last`, async () => {
      await using etcdProxy = await startFaultProxy(etcd.endpoints[0] ?? "");
      await using s3Proxy = await startFaultProxy(rgw.endpoint);
      const config = { etcd: { endpoints: [etcdProxy.url] }, schedule: { catchUp: true } };
      await using scene = await setScene({ etcd, rgw, s3Endpoint: s3Proxy.url, config });
      const hidden = `${scene.credentialsFile}.away`;
      await rename(scene.credentialsFile, hidden);
      etcdProxy.refuse();
      s3Proxy.refuse();
      await using daemon = scene.start(["run"]);
      await heard(daemon, "backup.failed");
      const appear = {
        etcd: () => etcdProxy.resume(),
        s3: () => s3Proxy.resume(),
        credentials: () => rename(hidden, scene.credentialsFile),
      };
      for (const each of order) {
        await delay(1000);
        assert.ok(!daemon.lines.some((line) => line.includes("backup.finished")), `without ${each}`);
        await appear[each]();
      }
      await daemon.line('"event":"backup.finished"', { timeoutMs: 30_000 });
      daemon.kill();
      assert.equal((await daemon.ended).code, 0);
      assert.equal((await assertNothingElse(scene.bucket)).length, 1);
    });
  }

  it("makes up for a tick that was missed while it was down, and only then", async () => {
    await using scene = await setScene({ etcd, rgw, config: { schedule: { catchUp: true } } });
    for (const _start of ["without a backup", "with one"]) {
      await using daemon = scene.start(["run"]);
      await heard(daemon, "schedule.next");
      await eventually(async () => (await scene.list()).length === 1);
      await delay(1500);
      daemon.kill();
      assert.equal((await daemon.ended).code, 0);
    }
    assert.equal((await scene.list()).length, 1);
  });

  it("refuses to run twice on one node, and keeps a save from running beside its own", async () => {
    await using proxy = await startFaultProxy(rgw.endpoint);
    await using scene = await setScene({ etcd, rgw, s3Endpoint: proxy.url, config: { schedule: { onStart: true } } });
    proxy.slow(MIB, "up");
    await using daemon = scene.start(["run"]);
    await heard(daemon, "backup.started");
    const running = { exit: 16, code: "ALREADY_RUNNING", says: /another etcd-ark of this node/, hint: /ss -xlp/ };
    assertFails(await scene.ark(["save"]), running);
    const second = await scene.ark(["run"]);
    assert.equal(second.code, 16, second.stderr);
    assert.match(second.stderr, /ALREADY_RUNNING/);
    assert.deepEqual(second.stderr.match(/backup\.\w+/g), null);
    proxy.resume();
    await heard(daemon, "prune.finished");
    await scene.save();
    assert.equal((await assertNothingElse(scene.bucket)).length, 2);
  });

  it("skips a tick that comes during a run, and says so", async () => {
    await using proxy = await startFaultProxy(rgw.endpoint);
    const config = { schedule: { cron: "*/2 * * * * *" } };
    await using scene = await setScene({ etcd, rgw, s3Endpoint: proxy.url, config });
    proxy.slow(3 * MIB, "up");
    await using daemon = scene.start(["run"]);
    await heard(daemon, "backup.started");
    const { why } = await heard(daemon, "backup.skipped");
    assert.match(String(why), /earlier tick is under way/);
    proxy.resume();
    await heard(daemon, "backup.finished");
    assert.equal(daemon.lines.filter((line) => line.includes("backup.started")).length, 1);
  });

  it("lets a run finish after SIGTERM, and ends with 0", async () => {
    await using proxy = await startFaultProxy(rgw.endpoint);
    await using scene = await setScene({ etcd, rgw, s3Endpoint: proxy.url, config: { schedule: { onStart: true } } });
    proxy.slow(4 * MIB, "up");
    await using daemon = scene.start(["run"]);
    await heard(daemon, "backup.started");
    daemon.kill();
    const { code, stderr } = await daemon.ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /daemon\.stopping[\s\S]*backup\.finished/);
    assert.equal((await assertNothingElse(scene.bucket)).length, 1);
  });

  it("gives a run 20 s after SIGTERM, then aborts its upload and ends with 0", async () => {
    await using proxy = await startFaultProxy(rgw.endpoint);
    // Two parts are buffered, so that etcd has more to send when time is up.
    const config = { s3: { concurrency: 1 }, schedule: { onStart: true } };
    await using scene = await setScene({ etcd, rgw, s3Endpoint: proxy.url, config });
    proxy.slow(MIB / 8, "up");
    await using daemon = scene.start(["run"]);
    await heard(daemon, "backup.started");
    daemon.kill();
    const told = process.uptime();
    const { code, stderr } = await daemon.ended;
    const tookSeconds = process.uptime() - told;
    assert.equal(code, 0, stderr);
    assert.ok(tookSeconds > 19 && tookSeconds < 32, `${tookSeconds} s`);
    assert.deepEqual(await scene.left(), []);
  });

  it("ends at once on a second signal, and what is left is what recovery clears", async () => {
    await using proxy = await startFaultProxy(rgw.endpoint);
    await using scene = await setScene({ etcd, rgw, s3Endpoint: proxy.url, config: { schedule: { onStart: true } } });
    proxy.slow(MIB / 8, "up");
    await using daemon = scene.start(["run"]);
    await heard(daemon, "backup.started");
    daemon.kill();
    await heard(daemon, "daemon.stopping");
    daemon.kill();
    assert.equal((await daemon.ended).code, 143);
    assert.match((await scene.left()).join("\n"), /\/runs\//);
    await recover(scene, "cp-1");
    assert.deepEqual(await scene.left(), []);
  });

  it("ends with 0 on SIGTERM at any moment, and leaves nothing but what recovery clears", async () => {
    const schedule = { cron: "* * * * * *", onStart: true };
    await using scene = await setScene({ etcd, rgw, config: { schedule, retention: { last: 2 } } });
    for (let round = 0; round < 12; round++) {
      await using daemon = scene.start(["run"]);
      await heard(daemon, "daemon.started");
      await delay(Math.random() * 1500);
      daemon.kill();
      const { code, signal, stderr } = await daemon.ended;
      assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr);
      assert.doesNotMatch(stderr, /"level":"error"|backup\.failed/);
    }
    const names = await assertNoPhantom(scene.bucket);
    assert.ok(names.length > 0);
    await recover(scene, "cp-1");
    assert.deepEqual(await assertNothingElse(scene.bucket), names);
  });
});
