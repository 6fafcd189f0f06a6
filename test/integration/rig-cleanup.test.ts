import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, readFile, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { eventually } from "../support/eventually.ts";

const support = new URL("../support/", import.meta.url).href;

/** A process that starts one of everything, tells what it started, and then does nothing. */
const doomed = `
  import { readdir, readFile } from "node:fs/promises";
  import { dirname } from "node:path";
  import { startEtcd } from "${support}etcd.ts";
  import { startRgwCluster } from "${support}rgw-cluster.ts";
  import { tempDir } from "${support}temp-dir.ts";

  const etcd = await startEtcd({ members: 3, tls: true });
  const rgw = await startRgwCluster("trixie");
  const { path } = await tempDir();
  const parent = async (pid) => (await readFile("/proc/" + pid + "/stat", "utf8")).replace(/.*\\) . /, "").split(" ")[0];
  const supervisor = await parent(etcd.members[0].pid);
  const pids = [];
  for (const pid of await readdir("/proc")) {
    if (/^\\d+$/.test(pid) && (await parent(pid).catch(() => "")) === supervisor) pids.push(Number(pid));
  }
  etcd.members[1].freeze();
  const directories = [path, dirname(etcd.members[0].dataDir), dirname(rgw.access.caFile)];
  console.log(JSON.stringify({ supervisor: Number(supervisor), pids, directories }));
  setInterval(() => {}, 1000);
`;

interface Started extends Disposable {
  readonly child: ChildProcess;
  readonly supervisor: number;
  readonly pids: readonly number[];
  readonly directories: readonly string[];
}

async function startDoomed(): Promise<Started> {
  const args = ["--input-type=module-typescript", "--disable-warning=ExperimentalWarning", "--eval", doomed];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const started = JSON.parse(line);
  return {
    child,
    ...started,
    // Where the rig fails its promise, this test must not.
    [Symbol.dispose]() {
      for (const pid of [child.pid, ...started.pids]) kill(pid);
    },
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended, as it should.
  }
}

/** Whether a process runs. One that ended but was not reaped does not. */
async function runs(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return status !== "" && !/^State:\s+[ZX]/m.test(status);
}

async function present(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

describe("a test process that is killed", () => {
  it("leaves no server and no file behind", async () => {
    using started = await startDoomed();
    const { child, supervisor, pids, directories } = started;
    assert.equal(pids.length, 6, "three members, a monitor, an OSD and a gateway");
    for (const pid of pids) assert.ok(await runs(pid));
    for (const directory of directories) assert.ok(await present(directory));

    child.kill("SIGKILL");

    for (const pid of [...pids, supervisor]) await eventually(async () => !(await runs(pid)));
    for (const directory of directories) assert.equal(await present(directory), false, directory);
  });

  it("leaves no server behind even when what cleans up is killed first", async () => {
    using started = await startDoomed();
    const { child, supervisor, pids, directories } = started;

    process.kill(supervisor, "SIGKILL");

    for (const pid of pids) await eventually(async () => !(await runs(pid)));
    child.kill("SIGKILL");
    await once(child, "exit");
    for (const directory of directories) await rm(directory, { recursive: true });
  });
});
