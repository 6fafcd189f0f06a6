import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { assertNothingElse } from "./bucket-truth.ts";
import { type ByteFlipper, startByteFlipper } from "./byte-flipper.ts";
import { putValues, startChurn } from "./etcd-writer.ts";
import { assertFails, heard, type Scene, setScene } from "./scene.ts";

const MIB = 2 ** 20;
const MARKER = "a value that will be damaged on the way";

describe("a snapshot stream in trouble", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;
  let proxy: FaultProxy;
  let flipper: ByteFlipper;
  let scene: Scene;
  let size = 0;

  before(async () => {
    [etcd, rgw] = await Promise.all([startEtcd(), startRgw({ shared: true })]);
    const [endpoint = ""] = etcd.endpoints;
    await putValues(
      endpoint,
      Array.from({ length: 24 }, () => Buffer.concat([randomBytes(MIB / 2), Buffer.from(MARKER)])),
    );
    proxy = await startFaultProxy(endpoint);
    flipper = await startByteFlipper(endpoint, MARKER);
    scene = await setScene({ etcd, rgw, config: { etcd: { endpoints: [proxy.url] } } });
    const { name, snapshotSize } = await scene.save();
    size = snapshotSize;
    await scene.ark(["delete", name]);
  });

  after(async () => {
    await scene?.[Symbol.asyncDispose]();
    await flipper?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  it("save ends with 12 and leaves nothing when the stream is cut at any tenth of the way", async () => {
    for (let tenth = 1; tenth < 10; tenth++) {
      proxy.sever({ afterBytes: Math.floor((size * tenth) / 10) });
      const result = await scene.ark(["save"]);
      proxy.resume();
      const broken = { exit: 12, code: "ETCD_STREAM_BROKEN", hint: /the log of etcd and .*the network/ };
      assertFails(result, { ...broken, says: new RegExp(`after \\d+ of ${size} bytes`) });
      assert.deepEqual(await scene.left(), [], `after ${tenth} tenths`);
    }
  });

  it("the daemon takes another snapshot soon after a stream was cut", async () => {
    await using own = await setScene({
      etcd,
      rgw,
      config: { etcd: { endpoints: [proxy.url] }, schedule: { onStart: true } },
    });
    proxy.sever({ afterBytes: size / 2 });
    await using daemon = own.start(["run"]);
    const { err } = await heard(daemon, "backup.failed");
    assert.equal(JSON.parse(JSON.stringify(err)).code, "ETCD_STREAM_BROKEN");
    proxy.resume();
    await heard(daemon, "backup.finished");
    assert.equal((await assertNothingElse(own.bucket)).length, 1);
  });

  it("save ends with 15 and leaves nothing when one bit of the stream is wrong", async () => {
    const before = flipper.flipped;
    flipper.arm(1);
    const result = await scene.ark(["save", "--endpoints", flipper.url]);
    assert.equal(flipper.flipped - before, 1);
    assertFails(result, {
      exit: 15,
      code: "SNAPSHOT_CORRUPT",
      says: /digest/,
      hint: /disk and memory of that etcd member/,
    });
    assert.deepEqual(await scene.left(), []);
  });

  it("save ends with 12 and leaves nothing when etcd freezes in mid-stream", async () => {
    await using own = await setScene({
      etcd,
      rgw,
      config: { etcd: { endpoints: [proxy.url], stallTimeout: "2s" } },
    });
    const start = proxy.bytes.down;
    proxy.slow(4 * MIB, "down");
    await using ark = own.start(["save"]);
    await eventually(() => proxy.bytes.down > start + size / 4);
    etcd.members[0]?.freeze();
    try {
      proxy.resume();
      // It has looked whether another member, or this one by now, could be read from.
      const frozen = { exit: 12, code: "ETCD_UNAVAILABLE", says: /no answer within/, hint: /frozen/ };
      assertFails(await ark.ended, frozen);
    } finally {
      etcd.members[0]?.thaw();
    }
    assert.deepEqual(await own.left(), []);
  });
});

/** Promise 4, with S3 at 1 MiB a second. */
describe("a bucket that is slower than etcd", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;
  let s3: FaultProxy;

  before(async () => {
    [etcd, rgw] = await Promise.all([startEtcd(), startRgw({ shared: true })]);
    await putValues(
      etcd.endpoints[0] ?? "",
      Array.from({ length: 64 }, () => randomBytes(MIB)),
    );
    s3 = await startFaultProxy(rgw.endpoint);
  });

  after(async () => {
    await s3?.[Symbol.asyncDispose]();
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  const dbSize = async (): Promise<number> => {
    const status = JSON.parse(await etcd.etcdctl("endpoint", "status", "--write-out=json"));
    return status[0].Status.dbSize;
  };
  const slowScene = async (config: object): Promise<Scene> => {
    s3.slow(MIB, "up");
    return await setScene({ etcd, rgw, s3Endpoint: s3.url, config: { s3: { concurrency: 1 }, ...config } });
  };
  const held = { exit: 12, code: "ETCD_HELD_TOO_LONG", hint: /spool\.path.*spool\.maxSize/ };

  it("save gives up at etcd.holdLimit, and leaves nothing", async () => {
    await using scene = await slowScene({ etcd: { holdLimit: "3s" } });
    assertFails(await scene.ark(["save"]), { ...held, says: /held for 3 s/ });
    s3.resume();
    assert.deepEqual(await scene.left(), []);
  });

  it("save lets the database grow by a quarter and what a check comes late for, while 20 MB a second are written", async () => {
    await using churn = startChurn(etcd.endpoints[0] ?? "", 20e6);
    await eventually(() => churn.bytes > 60e6);
    await using scene = await slowScene({});
    const [before, start, written] = [await dbSize(), process.uptime() * 1000, churn.bytes];
    const result = await scene.ark(["save"]);
    const rate = (churn.bytes - written) / (process.uptime() * 1000 - start);
    const after = await dbSize();
    assertFails(result, { ...held, says: /grew from \d+ to \d+ bytes/ });
    // The guard looks every 2 s.
    assert.ok(after < before * 1.25 + rate * 3000, `from ${before} to ${after} at ${rate} kB/s`);
    s3.resume();
    assert.deepEqual(await scene.left(), []);
  });

  it("save succeeds within the same bound with a spool, which takes what S3 has not taken yet", async () => {
    await etcd.etcdctl("defrag");
    // So that etcd is read within the bound on a busy machine too: at 20 MB/s that takes 80 MB/s through the proxy.
    await using churn = startChurn(etcd.endpoints[0] ?? "", 4e6);
    await using proxy = await startFaultProxy(etcd.endpoints[0] ?? "");
    await using scene = await slowScene({});
    await scene.configure({
      etcd: { endpoints: [proxy.url] },
      s3: { concurrency: 1 },
      spool: { path: scene.home, maxSize: "1GiB" },
    });
    const [before, start, written, sent] = [await dbSize(), process.uptime() * 1000, churn.bytes, s3.bytes.up];
    await using ark = scene.start(["save", "-o", "json"]);
    const read = eventually(() => proxy.bytes.down > before && proxy.connections.open < 2);
    const early = await Promise.race([ark.ended, read.then(() => undefined)]);
    assert.equal(early?.stderr, undefined, "It ended before etcd was read");
    const rate = (churn.bytes - written) / (process.uptime() * 1000 - start);
    const after = await dbSize();
    assert.ok(s3.bytes.up - sent < before / 2, "S3 had the snapshot already");
    assert.ok(after < before * 1.25 + rate * 3000, `from ${before} to ${after} at ${rate} kB/s`);
    s3.resume();
    const { code, stderr } = await ark.ended;
    assert.equal(code, 0, stderr);
    assert.equal((await assertNothingElse(scene.bucket)).length, 1);
  });
});
