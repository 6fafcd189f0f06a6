import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { assertNoPhantom, assertNothingElse } from "./bucket-truth.ts";
import { putValues } from "./etcd-writer.ts";
import { recover } from "./recovery.ts";
import { type Scene, setScene } from "./scene.ts";

/** Kills of each node: 100 in all. */
const KILLS = 25;
/** A run takes about so long from its first request on. */
const SAVE_MS = 400;
const DAEMON_MS = 1200;

describe("runs that are killed", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;

  before(async () => {
    [etcd, rgw] = await Promise.all([startEtcd(), startRgw({ shared: true })]);
    // Two parts and a bit.
    await putValues(
      etcd.endpoints[0] ?? "",
      Array.from({ length: 11 }, () => randomBytes(2 ** 20)),
    );
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  it("100 SIGKILLs at random moments leave no phantom, and nothing that recovery does not clear", async () => {
    await using scene = await setScene({ etcd, rgw });
    // A daemon takes a backup and prunes every second.
    const retention = { last: 1, onDemand: { last: 1 } };
    await scene.configure({ retention, schedule: { cron: "* * * * * *", onStart: true } });
    const nodes = ["save-1", "save-2", "daemon-1", "daemon-2"];
    await Promise.all(nodes.map((node) => killOften(scene, node)));

    const survivors = await assertNoPhantom(scene.bucket);
    const intents = (await scene.bucket.keys()).filter((key) => key.includes("/runs/"));
    assert.ok(intents.length > 10, `only ${intents.length} kills struck a run: the moments are badly chosen`);
    assert.ok(survivors.length > 0, "every kill came too early to tell anything");

    for (const node of nodes) await recover(scene, node);
    assert.deepEqual(await assertNothingElse(scene.bucket), survivors);
    await scene.configure({});
    await scene.save();
  });
});

async function killOften(scene: Scene, node: string): Promise<void> {
  const isDaemon = node.startsWith("daemon");
  await using proxy = await startFaultProxy(scene.rgw.endpoint, { http: true });
  const env = {
    ...scene.env,
    ETCD_ARK_NODE: node,
    ETCD_ARK_S3_ENDPOINT: proxy.url,
    NODE_COMPILE_CACHE: join(scene.home, "compiled"),
  };
  for (let count = 0; count < KILLS; count++) {
    const seen = proxy.requests.length;
    await using ark = scene.start(isDaemon ? ["run"] : ["save", "--prune"], { env });
    await eventually(() => proxy.requests.length > seen, { intervalMs: 5 });
    await delay(Math.random() * (isDaemon ? DAEMON_MS : SAVE_MS));
    ark.kill("SIGKILL");
    await ark.ended;
  }
}
