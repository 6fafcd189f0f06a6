import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Ark } from "../support/cli.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { hangingTool, startEtcdOn } from "../support/restore-tools.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { putValues } from "./etcd-writer.ts";
import { allKeys, type Machine, machineOf, restoredOf } from "./restore-scene.ts";
import { assertFails, type Scene, setScene } from "./scene.ts";

/** A restore that hangs where it shall be killed, and what ends with it. */
interface Hanging extends AsyncDisposable {
  readonly ark: Ark;
}

type Hang = (at: { scene: Scene; machine: Machine; args: string[] }) => Promise<Hanging>;

const MOMENTS: readonly (readonly [string, Hang])[] = [
  ["while it fetches", hangInFetch],
  ["before the tool has written anything", (at) => hangInTool(at, "before")],
  ["right before the data directory gets its name", (at) => hangInTool(at, "after")],
];

describe("a restore that is killed", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;
  let scene: Scene;
  let name: string;
  let revision: string;

  before(async () => {
    [etcd, rgw] = await Promise.all([startEtcd(), startRgw({ shared: true })]);
    scene = await setScene({ etcd, rgw });
    const megabytes = Array.from({ length: 6 }, () => randomBytes(2 ** 20));
    await putValues(etcd.endpoints[0] ?? "", megabytes);
    ({ name, revision } = await scene.save());
  });

  after(async () => {
    await scene?.[Symbol.asyncDispose]();
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  it("and not yet: a second one into the same directory is refused with 16", async () => {
    await using machine = await machineOf(scene);
    const args = [name, "--data-dir", machine.dataDir];
    await using _hanging = await hangInTool({ scene, machine, args }, "before");
    const hint = /Wait until it is done/;
    assertFails(await machine.restore(args), { exit: 16, code: "ALREADY_RUNNING", says: /another etcd-ark/, hint });
  });

  for (const [when, hang] of MOMENTS) {
    for (const before of ["absent", "empty"] as const) {
      it(`${when} leaves the directory ${before}, and the next one works`, async () => {
        await using machine = await machineOf(scene);
        if (before === "empty") await mkdir(machine.dataDir);
        const args = [name, "--data-dir", machine.dataDir];
        {
          await using hanging = await hang({ scene, machine, args });
          hanging.ark.kill("SIGKILL");
          await hanging.ark.ended;
          assert.equal(await stateOf(machine), before);
        }
        const again = await machine.restore([...args, "-o", "json"]);
        assert.match(again.stderr, /warning: .*\.etcd-ark-restore-\w+ is of another restore/);
        assert.equal(restoredOf(again).revision, revision);
        await using restored = await startEtcdOn({ dataDir: machine.dataDir, log: `${machine.dataDir}.log` });
        assert.deepEqual(await allKeys(restored.etcdctl), await allKeys(etcd.etcdctl, revision));
      });
    }

    it(`${when} by SIGTERM leaves nothing at all`, async () => {
      await using machine = await machineOf(scene);
      await using hanging = await hang({ scene, machine, args: [name, "--data-dir", machine.dataDir] });
      hanging.ark.kill("SIGTERM");
      const { code, stderr } = await hanging.ark.ended;
      assert.equal(code, 130, stderr);
      assert.deepEqual(await machine.there(), []);
    });
  }
});

async function stateOf({ dataDir }: Machine): Promise<string> {
  const names = await readdir(dataDir).catch(() => undefined);
  return names === undefined ? "absent" : names.length === 0 ? "empty" : "occupied";
}

/** S3 falls silent in the middle of the object. */
async function hangInFetch({ scene, machine, args }: Parameters<Hang>[0]): Promise<Hanging> {
  await using hanging = new AsyncDisposableStack();
  const proxy = hanging.use(await startFaultProxy(scene.rgw.endpoint, { http: true }));
  const env = { ...machine.env, ETCD_ARK_S3_ENDPOINT: proxy.url };
  proxy.stall({ afterBytes: 3 * 2 ** 20 });
  const ark = hanging.use(scene.start(["restore", ...args], { env }));
  await eventually(() => isFetching(machine));
  const moved = hanging.move();
  return { ark, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

async function hangInTool({ scene, machine, args }: Parameters<Hang>[0], when: "before" | "after"): Promise<Hanging> {
  const bin = machine.env["PATH"]?.split(":")[0] ?? "";
  const [tool, file] = [join(bin, "hanging"), join(bin, `group-${when}`)];
  await hangingTool(tool, { file, when });
  const ark = scene.start(["restore", ...args, "--etcdutl", tool], { env: machine.env });
  const group = await eventually(async () => Number(await readFile(file, "utf8")));
  return disposedOf(ark, async () => {
    try {
      // The group is the test's own: the tool outlives an etcd-ark that is killed.
      process.kill(-group, "SIGKILL");
    } catch {
      // etcd-ark has ended it.
    }
  });
}

function disposedOf(ark: Ark, end: () => PromiseLike<void>): Hanging {
  return {
    ark,
    [Symbol.asyncDispose]: async () => {
      await ark[Symbol.asyncDispose]();
      await end();
    },
  };
}

/** Whether the file that is fetched into is there; it has nothing in it before a whole range has come. */
async function isFetching({ directory }: Machine): Promise<boolean> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.some((entry) => entry.isFile());
}
