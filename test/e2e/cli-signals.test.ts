import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Ark } from "../support/cli.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import type { SeenRequest } from "../support/s3-request.ts";
import { fill } from "./big-etcd.ts";
import { assertFails, heard, type Scene, setScene } from "./scene.ts";

describe("signals, and a second run while one is on", { concurrency: 2 }, () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;

  before(async () => {
    etcd = await startEtcd();
    await fill(etcd, 18);
    rgw = await startRgw({ shared: true });
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  /** An upload that has sent a part or two and then waits, until `release` is called. */
  const midUpload = async (test: (upload: MidUpload) => Promise<void>, args = ["save"], config = {}): Promise<void> => {
    await using proxy = await startFaultProxy(rgw.endpoint, { http: true });
    await using scene = await setScene({ etcd, rgw, s3Endpoint: proxy.url, config });
    const { promise, resolve } = Promise.withResolvers<void>();
    const match = { when: ({ partNumber = 0 }) => partNumber > 1 };
    const held = proxy.inject({ match, times: 2, do: { hold: promise } });
    await using ark = scene.start(args);
    await eventually(() => held.struck === 2, { timeoutMs: 60_000 });
    await test({ scene, proxy, ark, release: resolve });
    resolve();
  };

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`${signal} in mid-upload ends save with 130 and leaves nothing`, () =>
      midUpload(async ({ scene, ark }) => {
        ark.kill(signal);
        const result = await ark.ended;
        assertFails(result, { exit: 130, code: "INTERRUPTED", says: new RegExp(`interrupted by ${signal}`) });
        assert.deepEqual(await scene.left(), []);
      }));
  }

  it("SIGTERM when all bytes have come and parts are still on their way ends save with 130 and leaves nothing", () =>
    midUpload(async ({ scene, proxy, ark }) => {
      // The last part is sent by the completion alone, and is shorter than the others.
      await eventually(() => proxy.requests.some((request) => isLastPart(request)));
      ark.kill("SIGTERM");
      assert.equal((await ark.ended).code, 130);
      assert.deepEqual(await scene.left(), []);
    }));

  it("a second signal ends it at once", () =>
    midUpload(async ({ proxy, ark }) => {
      proxy.stall();
      ark.kill("SIGINT");
      // S3 is silent, so that cleaning up after the first one takes longer than this.
      assert.equal(await Promise.race([ark.ended, delay(500, "cleaning up")]), "cleaning up");
      const since = process.uptime();
      ark.kill("SIGINT");
      assert.equal((await ark.ended).code, 130);
      assert.ok(process.uptime() - since < 1, "at once");
    }));

  it("save, delete and prune are 16 while a save is on, and reading goes on", () =>
    midUpload(async ({ scene, ark, release }) => {
      for (const args of [["save"], ["delete", "ark-none"], ["prune", "--yes"]]) {
        const result = await scene.ark(args);
        assertFails(result, {
          exit: 16,
          code: "ALREADY_RUNNING",
          says: /another etcd-ark of this node/,
          hint: /ss -xlp/,
        });
      }
      assert.deepEqual(await scene.list(), []);
      release();
      assert.equal((await ark.ended).code, 0);
      assert.equal((await scene.list()).length, 1);
    }));

  it("a second daemon is 16, and save is 16 while the daemon backs up", () =>
    midUpload(
      async ({ scene, ark, release }) => {
        for (const args of [["run"], ["save"]]) assert.equal((await scene.ark(args)).code, 16);
        release();
        await heard(ark, "backup.finished");
      },
      ["run"],
      { schedule: { cron: "0 0 1 1 *", onStart: true } },
    ));

  it("SIGTERM lets the daemon finish the backup that is under way, and ends it with 0", () =>
    midUpload(
      async ({ scene, ark, release }) => {
        ark.kill("SIGTERM");
        await heard(ark, "daemon.stopping");
        release();
        assert.equal((await ark.ended).code, 0);
        assert.ok(ark.lines.some((line) => line.includes('"event":"backup.finished"')));
        assert.equal((await scene.list()).length, 1);
      },
      ["run"],
      { schedule: { cron: "0 0 1 1 *", onStart: true } },
    ));
});

function isLastPart({ partNumber = 0, headers }: SeenRequest): boolean {
  return partNumber > 1 && Number(headers["content-length"]) < 5 * 2 ** 20;
}

interface MidUpload {
  readonly scene: Scene;
  readonly proxy: FaultProxy;
  readonly ark: Ark;
  readonly release: () => void;
}
