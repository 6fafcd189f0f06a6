import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, test } from "node:test";
import { type TempDir, tempDir } from "../support/temp-dir.ts";

const LAUNCHER = resolve(import.meta.dirname, "../../bin/etcd-ark");
const PROGRAM = `
process.on("SIGTERM", () => process.exit(7));
process.stdout.write(JSON.stringify({ version: process.version, flags: process.execArgv, args: process.argv.slice(2), pid: process.pid, arenas: process.env.MALLOC_ARENA_MAX }));
if (process.argv[2] === "wait") setInterval(() => {}, 1000);`;

let directory: TempDir;
let checkout: string;

beforeEach(async () => {
  directory = await tempDir();
  checkout = join(directory.path, "a checkout");
  for (const name of ["bin", "dist", "node_modules/.bin", "old"])
    await mkdir(join(checkout, name), { recursive: true });
  await copyFile(LAUNCHER, join(checkout, "bin/etcd-ark"));
  await writeFile(join(checkout, "package.json"), "{}");
  await writeFile(join(checkout, "dist/main.js"), PROGRAM);
  await symlink(process.execPath, join(checkout, "node_modules/.bin/node"));
  await writeFile(join(checkout, "old/node"), '#!/bin/sh\n[ "$1" = --version ] && echo v20.20.2\nexit 1\n');
  await chmod(join(checkout, "old/node"), 0o755);
});

afterEach(async () => {
  await directory[Symbol.asyncDispose]();
});

function start(file: string, args: readonly string[], path: string): ChildProcess {
  return spawn(file, args, { env: { PATH: `${path}:/usr/bin:/bin` }, stdio: ["ignore", "pipe", "pipe"] });
}

async function launch({ file = join(checkout, "bin/etcd-ark"), path = join(checkout, "old") } = {}) {
  const child = start(file, ["save", "two words"], path);
  const ended = once(child, "close");
  assert.ok(child.stdout && child.stderr);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await ended;
  return { code, stdout, stderr, pid: child.pid };
}

test("bin/etcd-ark runs dist/ on the checkout's Node, whatever node is on PATH", async () => {
  const { code, stdout, stderr, pid } = await launch();

  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(JSON.parse(stdout), {
    version: process.version,
    flags: ["--max-semi-space-size=1", "--no-opt", "--expose-gc"],
    args: ["save", "two words"],
    pid,
    arenas: "2",
  });
});

test("bin/etcd-ark finds its checkout through symbolic links, relative ones too", async () => {
  await mkdir(join(directory.path, "local/bin"), { recursive: true });
  await symlink("../../a checkout/bin/etcd-ark", join(directory.path, "local/bin/etcd-ark"));
  await symlink(join(directory.path, "local/bin/etcd-ark"), join(directory.path, "second"));

  const { code, stderr } = await launch({ file: join(directory.path, "second") });

  assert.deepEqual([code, stderr], [0, ""]);
});

test("bin/etcd-ark becomes the program, so that signals reach it and its exit status is the launcher's", async () => {
  const child = start(join(checkout, "bin/etcd-ark"), ["wait"], join(checkout, "old"));
  assert.ok(child.stdout);
  const ended = once(child, "exit");
  const { pid } = JSON.parse(String(await once(child.stdout, "data")));
  try {
    child.kill("SIGTERM");

    assert.deepEqual([await ended, pid], [[7, null], child.pid]);
  } finally {
    if (pid !== child.pid) process.kill(pid, "SIGKILL");
  }
});

test("bin/etcd-ark gives the pinned Node the flag that others may lack", async () => {
  const pinned = join(checkout, `node_modules/node-linux-${process.arch}/bin`);
  await mkdir(pinned, { recursive: true });
  await symlink(process.execPath, join(pinned, "node"));

  const { stdout } = await launch();

  assert.equal(JSON.parse(stdout).flags.at(-1), "--external-memory-accounted-in-global-limit");
});

test("bin/etcd-ark takes the node on PATH when the checkout has none and that one is new enough", async () => {
  await rm(join(checkout, "node_modules"), { recursive: true });

  const { code, stdout } = await launch({ path: join(process.execPath, "..") });

  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).version, process.version);
});

test("bin/etcd-ark refuses a node on PATH that is too old, and says what to run", async () => {
  await rm(join(checkout, "node_modules"), { recursive: true });

  const { code, stderr } = await launch();

  assert.equal(code, 1);
  assert.match(
    stderr,
    /^etcd-ark: Cannot run on Node v20\.20\.2: v24\.5 or newer is needed\..*npm ci --ignore-scripts\n$/,
  );
});

test("bin/etcd-ark says how to build when dist/ is missing", async () => {
  await rm(join(checkout, "dist"), { recursive: true });

  const { code, stderr } = await launch();

  assert.equal(code, 1);
  assert.match(stderr, /^etcd-ark: Cannot find ".*dist\/main\.js"\. .*npm ci --ignore-scripts && npm run build\n$/);
});

test("bin/etcd-ark asks for a link when it was copied out of its checkout", async () => {
  const copy = join(directory.path, "etcd-ark");
  await copyFile(LAUNCHER, copy);

  const { code, stderr } = await launch({ file: copy });

  assert.equal(code, 1);
  assert.match(stderr, /is no checkout of etcd-ark\. Link to bin\/etcd-ark of one, do not copy it: ln -s /);
});
