import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { BackupError, isBackupError } from "../../../src/errors.ts";
import type { RestoreTool } from "../../../src/ports/etcd-tools.ts";
import { createFindRestoreTool } from "../../../src/programs/etcd-tools.ts";
import { eventually } from "../../support/eventually.ts";
import { type TempDir, tempDir } from "../../support/temp-dir.ts";

const { signal } = new AbortController();
const REQUEST = { file: "/a b.db", dataDir: "/new", member: {}, skipHashCheck: false };

describe("the tools of etcd", () => {
  let directory: TempDir;

  beforeEach(async () => {
    directory = await tempDir();
    await mkdir(join(directory.path, "bin"));
    await mkdir(join(directory.path, "bin2"));
  });

  afterEach(async () => {
    await directory[Symbol.asyncDispose]();
  });

  const path = (...parts: string[]): string => join(directory.path, ...parts);

  /** A script that answers as the tool of this name and version. */
  async function tool(file: string, answers: { version?: string; help?: string; restore?: string }): Promise<void> {
    const { version = "echo 'etcdutl version: 3.5.16'", help = "", restore = "" } = answers;
    const script = `#!/bin/sh\nif [ "$1" = version ]; then ${version}; exit; fi
if [ "$4$3" = "--help" ]; then echo '${help}'; exit; fi\n${restore}\n`;
    await writeFile(path(file), script);
    await chmod(path(file), 0o755);
  }

  async function find(named?: string): Promise<RestoreTool> {
    const PATH = `:${path("bin")}:${path("bin2")}:${process.env["PATH"]}`;
    const environment = { PATH, ETCDCTL_DATA_DIR: "/elsewhere", HOME: "/root" };
    return await createFindRestoreTool({ environment, workingDirectory: directory.path })(named, signal);
  }

  it("takes etcdutl before etcdctl, wherever on PATH it is", async () => {
    await tool("bin/etcdctl", { version: "echo 'etcdctl version: 3.5.16'" });
    await tool("bin2/etcdutl", { version: "echo 'etcdutl version: 3.5.21'", help: "--bump-revision uint" });

    const { name, path: found, version, canBumpRevision } = await find();

    assert.deepEqual([name, found, version, canBumpRevision], ["etcdutl", path("bin2/etcdutl"), "3.5.21", true]);
  });

  it("takes etcdctl of 3.4 when there is no etcdutl, and asks what it can do", async () => {
    await tool("bin/etcdctl", { version: "echo 'etcdctl version: 3.4.23'", help: "--wal-dir" });
    const { name, version, canBumpRevision } = await find();
    assert.deepEqual([name, version, canBumpRevision], ["etcdctl", "3.4.23", false]);
  });

  it("passes a file over that nobody may run", async () => {
    await writeFile(path("bin/etcdutl"), "");
    await tool("bin2/etcdutl", {});
    assert.equal((await find()).path, path("bin2/etcdutl"));
  });

  it("takes the one that is named, on PATH or relative to the working directory", async () => {
    await tool("bin/etcdutl", {});
    await tool("mine", { version: "echo 'etcdutl version: 3.6.1'" });
    assert.equal((await find("mine")).version, "3.6.1");
    await tool("bin2/etcdutl-3.6", { version: "echo 'etcdutl version: 3.6.2'" });
    assert.equal((await find("etcdutl-3.6")).version, "3.6.2");
    await assert.rejects(find("none"), noTool(/"\/.*\/none" is no program/));
  });

  const unfit: readonly (readonly [string, string, RegExp])[] = [
    ["is etcdctl of 3.6", "echo 'etcdctl version: 3.6.0'", /no longer restores/],
    ["is something else", "echo 'coreutils 9'", /does not say that it is etcdutl/],
  ];
  for (const [what, version, says] of unfit) {
    it(`says how to get etcdutl when what there is ${what}`, async () => {
      await tool("mine", { version });
      await assert.rejects(find("mine"), noTool(says));
    });
  }

  it("says how to get etcdutl when there is nothing", async () => {
    const found = createFindRestoreTool({ environment: { PATH: path("bin") }, workingDirectory: "/" });
    await assert.rejects(found(undefined, signal), noTool(/neither etcdutl nor etcdctl/));
  });

  it("passes on what is given and nothing else, in an environment of its own", async () => {
    await tool("bin/etcdutl", { restore: `for word; do echo "$word"; done > ${path("seen")}; env >> ${path("seen")}` });
    const found = await find();
    const member = { name: "m1", initialCluster: "m1=http://a:1", bumpRevision: "9", markCompacted: true };

    await found.restore({ ...REQUEST, walDir: "/wal", member, skipHashCheck: true }, signal);

    const seen = (await readFile(path("seen"), "utf8")).split("\n");
    const [words, variables] = [seen.slice(0, 9), seen.slice(9)];
    assert.deepEqual(words, [
      ...["snapshot", "restore", "/a b.db", "--data-dir=/new", "--wal-dir=/wal", "--name=m1"],
      ...["--initial-cluster=m1=http://a:1", "--bump-revision=9", "--mark-compacted"],
    ]);
    assert.equal(variables[0], "--skip-hash-check");
    assert.ok(variables.includes("ETCDCTL_API=3"));
    assert.ok(!variables.some((line) => /^(HOME|ETCDCTL_DATA_DIR)=/.test(line)), variables.join());
  });

  it("says what the tool complained of when it fails", async () => {
    const restore = `echo '{"level":"info"}' >&2; echo 'Error: data-dir is full' >&2; echo '{"level":"warn"}' >&2; exit 5`;
    await tool("bin/etcdutl", { restore });
    const found = await find();
    await assert.rejects(found.restore(REQUEST, signal), (error) => {
      assert.ok(isBackupError(error, "TOOL_FAILED"));
      assert.match(error.message, /it ended with 5: Error: data-dir is full$/);
      assert.match(String(error.cause), /"warn"/);
      return error.hint !== undefined;
    });
  });

  it("kills the tool with all that it has started when the signal aborts, before it rejects", async () => {
    await tool("bin/etcdutl", { restore: `sleep 60 & echo $$ $! > ${path("pids")}; wait` });
    const found = await find();
    const stop = new AbortController();

    const running = assert.rejects(found.restore(REQUEST, stop.signal), /stopped/);
    const pids = await eventually(async () => (await readFile(path("pids"), "utf8")).match(/\d+/g) ?? "");
    stop.abort(new Error("stopped"));
    await running;

    assert.equal(pids.length, 2);
    for (const pid of pids) assert.match(await stateOf(pid), /[ZX]/);
  });
});

function noTool(says: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof BackupError && error.code === "CONFIG_INVALID", String(error));
    assert.match(error.message, says);
    assert.match(error.hint ?? "", /Install etcdutl.*--etcdutl=PATH/);
    return true;
  };
}

/** One that is dead may wait for its parent to notice. */
async function stateOf(pid: string): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "State:\tX");
  return /State:\s+(\S)/.exec(status)?.[1] ?? "";
}
