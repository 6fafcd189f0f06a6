import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isBackupError } from "../../src/errors.ts";
import type { SnapshotSource } from "../../src/ports/snapshot-source.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { never, putKeys, sourceOf, takeSnapshot } from "./etcd-rig.ts";

describe("a snapshot stream that breaks", () => {
  let cluster: EtcdCluster;
  let proxy: FaultProxy;
  let size = 0;
  before(async () => {
    cluster = await startEtcd();
    await putKeys(cluster.endpoints[0] ?? "", { count: 80, size: 100_000 });
    proxy = await startFaultProxy(cluster.endpoints[0] ?? "");
    await using source = sourceOf(cluster);
    size = (await takeSnapshot(source)).bytes.length;
  });
  after(async () => {
    await proxy[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  const proxied = (etcd: Record<string, unknown> = {}) => sourceOf(cluster, { endpoints: [proxy.url], ...etcd });

  for (let tenth = 0; tenth < 10; tenth++) {
    it(`is no success when it is cut after ${tenth} tenths`, async () => {
      await using source = proxied();
      await expectBroken(pump(source, { onChosen: () => cutAfter(proxy, Math.floor((size * tenth) / 10) + 500) }));
      proxy.resume();
    });
  }

  it("is no success when it is cut just before etcd's last word", async () => {
    await using source = proxied();
    let before = 0;
    await pump(source, {
      onChosen: () => {
        before = proxy.bytes.down;
      },
    });
    const whole = proxy.bytes.down - before;
    assert.ok(whole > size);
    await expectBroken(pump(source, { onChosen: () => cutAfter(proxy, whole - 30) }));
    proxy.resume();
  });

  it("is ended when nothing comes for the stall time-out", async () => {
    await using source = proxied({ stallTimeout: "1s" });
    const stall = (received: number) => received > 2 ** 20 && proxy.stall({ direction: "down" });
    await expectBroken(pump(source, { onBytes: stall }), /nothing came for 1 s/);
    proxy.resume();
  });

  it("is ended when etcd is frozen", async () => {
    await using source = sourceOf(cluster, { stallTimeout: "1s" });
    await whileFrozen(cluster, async (freeze) => await expectBroken(pump(source, { onBytes: freeze })));
  });

  it("is ended by a ping when etcd is frozen while the writer waits", async () => {
    await using source = sourceOf(cluster);
    const { member } = await source.choose(new Set(), never);
    await using stream = await source.open(member, never);
    await whileFrozen(cluster, async (freeze) => {
      freeze();
      await expectBroken(
        stream.pump(() => new Promise(() => undefined)),
        /ping/,
      );
    });
  });

  it("is whole when only the writer was slow", async () => {
    await using source = sourceOf(cluster, { stallTimeout: "1s" });
    const { member } = await source.choose(new Set(), never);
    await using stream = await source.open(member, never);
    let received = 0;
    let waited = false;
    await stream.pump((blob) => {
      received += blob.length;
      if (waited || received < size / 2) return undefined;
      waited = true;
      return new Promise((resolve) => setTimeout(resolve, 2500));
    });
    assert.equal(received, stream.snapshotSize);
  });

  it("rejects with the signal's reason, and leaves no connection", async () => {
    await using source = proxied();
    const { member } = await source.choose(new Set(), never);
    const before = proxy.connections.open;
    const stop = new AbortController();
    const reason = new Error("stop");
    await using stream = await source.open(member, stop.signal);
    await assert.rejects(
      stream.pump(() => {
        stop.abort(reason);
        return undefined;
      }),
      reason,
    );
    await eventually(() => proxy.connections.open === before);
  });

  it("is ended when etcd dies", async () => {
    await using mortal = await startEtcd();
    await putKeys(mortal.endpoints[0] ?? "", { count: 80, size: 100_000 });
    await using source = sourceOf(mortal);
    const { member } = await source.choose(new Set(), never);
    await using stream = await source.open(member, never);
    await mortal.members[0]?.kill();
    await expectBroken(stream.pump(() => undefined));
  });
});

describe("an etcd that cannot be reached", () => {
  it("is said not to answer when it is frozen", async () => {
    await using cluster = await startEtcd();
    await using source = sourceOf(cluster);
    await whileFrozen(cluster, async (freeze) => {
      freeze();
      await expectUnavailable(source, /no answer within 5 s/);
    });
  });

  it("is said to refuse the connection when it is down, and is found again once it is back", async () => {
    await using cluster = await startEtcd();
    await using source = sourceOf(cluster);
    await source.choose(new Set(), never);
    await cluster.members[0]?.kill();
    await expectUnavailable(source, /connection refused/);
    await cluster.members[0]?.restart();
    assert.equal((await takeSnapshot(source)).isIntact, true);
  });

  it("is said to be unknown when its name is", async () => {
    await using source = sourceOf({ endpoints: ["http://etcd.invalid:2379"] });
    await expectUnavailable(source, /name is not known/);
  });

  it("is said to be looked for in vain when nothing answers at all", async () => {
    await using cluster = await startEtcd();
    await using proxy = await startFaultProxy(cluster.endpoints[0] ?? "");
    await using source = sourceOf({ endpoints: [proxy.url] });
    proxy.stall();
    await expectUnavailable(source, /no answer within 5 s/);
  });

  it("rejects with the signal's reason while it is waited for", async () => {
    await using cluster = await startEtcd();
    await using proxy = await startFaultProxy(cluster.endpoints[0] ?? "");
    await using source = sourceOf({ endpoints: [proxy.url] });
    proxy.stall();
    const stop = new AbortController();
    const reason = new Error("stop");
    setTimeout(() => stop.abort(reason), 200);
    await assert.rejects(source.choose(new Set(), stop.signal), reason);
  });
});

function cutAfter(proxy: FaultProxy, bytes: number): void {
  proxy.sever({ direction: "down", afterBytes: bytes });
}

interface Hooks {
  onChosen?(): void;
  onBytes?(received: number): unknown;
}

async function pump(source: SnapshotSource, { onChosen, onBytes }: Hooks): Promise<void> {
  const { member } = await source.choose(new Set(), never);
  onChosen?.();
  await using stream = await source.open(member, never);
  let received = 0;
  await stream.pump((blob) => {
    received += blob.length;
    onBytes?.(received);
    return undefined;
  });
}

async function whileFrozen(cluster: EtcdCluster, run: (freeze: () => void) => Promise<void>): Promise<void> {
  const [member = assert.fail("no member")] = cluster.members;
  try {
    await run(() => member.freeze());
  } finally {
    member.thaw();
  }
}

async function expectBroken(taken: Promise<void>, message = /./): Promise<void> {
  await assert.rejects(taken, (error) => {
    assert.ok(isBackupError(error, "ETCD_STREAM_BROKEN"), String(error));
    assert.match(error.message, message);
    return true;
  });
}

async function expectUnavailable(source: SnapshotSource, message: RegExp): Promise<void> {
  await assert.rejects(source.choose(new Set(), never), (error) => {
    assert.ok(isBackupError(error, "ETCD_UNAVAILABLE"), String(error));
    assert.match(error.message, message);
    return true;
  });
}
