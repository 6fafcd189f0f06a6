import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { installPrefix } from "../support/debian.ts";
import { tempDir } from "../support/temp-dir.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../..");
const UNIT = await readFile(join(ROOT, "systemd/etcd-ark.service"), "utf8");

interface Outcome {
  readonly code: number;
  readonly text: string;
}

let analyze: (...args: readonly string[]) => Promise<Outcome>;

before(async () => {
  analyze = (await installedAnalyze()) ?? (await unpackedAnalyze());
});

async function outcomeOf(argv: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const [file = "", ...args] = argv;
  try {
    const { stdout, stderr } = await run(file, args, { env: { ...process.env, LC_ALL: "C", ...env } });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    if (!(error instanceof Error && "code" in error && typeof error.code === "number")) throw error;
    return { code: error.code, text: `${"stdout" in error && error.stdout}${"stderr" in error && error.stderr}` };
  }
}

async function installedAnalyze(): Promise<typeof analyze | undefined> {
  const isInstalled = await run("systemd-analyze", ["--version"]).then(
    () => true,
    () => false,
  );
  return isInstalled ? (...args) => outcomeOf(["systemd-analyze", ...args]) : undefined;
}

/** systemd-analyze of Debian 12, with Debian's own units beside ours. */
async function unpackedAnalyze(): Promise<typeof analyze> {
  const prefix = await installPrefix({ name: "systemd", suite: "bookworm", packages: ["systemd"], programs: [] });
  const [loader = "", flag = "", libraries = "", program = ""] = prefix.argv("systemd-analyze");
  const shared = join(prefix.libraryDirectory, "systemd");
  const units = join(prefix.root, "lib/systemd/system");
  return (...args) =>
    outcomeOf([loader, flag, [libraries, shared].join(delimiter), program, ...args], { SYSTEMD_UNIT_PATH: units });
}

/** The unit in a file of its own, with the program where this checkout has it. */
async function withUnit(text: string, use: (file: string) => Promise<void>): Promise<void> {
  await using directory = await tempDir();
  const file = join(directory.path, "etcd-ark.service");
  await writeFile(file, text.replace("/opt/etcd-ark/bin/etcd-ark", join(ROOT, "bin/etcd-ark")));
  await use(file);
}

function valuesOf(key: string): string[] {
  return UNIT.split("\n").flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
}

test("etcd-ark.service gives systemd nothing to complain of", async () => {
  await withUnit(UNIT, async (file) => assert.deepEqual(await analyze("verify", file), { code: 0, text: "" }));
});

test("systemd-analyze verify does complain when the unit has an unknown key", async () => {
  await withUnit(UNIT.replace("RestartSec=", "RestartSeconds="), async (file) =>
    assert.match((await analyze("verify", file)).text, /Unknown key (?:name )?'RestartSeconds'/),
  );
});

test("etcd-ark.service exposes the node by 2.0 at most", async () => {
  await withUnit(UNIT, async (file) => {
    const { code, text } = await analyze("security", "--offline=true", "--threshold=20", "--no-pager", file);

    const exposure = /Overall exposure level for etcd-ark\.service: (\d+\.\d+)/.exec(text)?.[1];
    assert.ok(exposure !== undefined && Number(exposure) <= 2, text);
    assert.equal(code, 0, text);
  });
});

test("etcd-ark.service reads the env files of the design, the k3s habit last", () => {
  assert.deepEqual(valuesOf("EnvironmentFile"), [
    "-/etc/default/etcd-ark",
    "-/etc/systemd/system/etcd-ark.service.env",
  ]);
});

test("etcd-ark.service never stays dead but for a wrong command line or configuration", () => {
  assert.deepEqual(valuesOf("Restart"), ["always"]);
  assert.deepEqual(valuesOf("RestartPreventExitStatus"), ["2 10"]);
  assert.deepEqual(valuesOf("StartLimitIntervalSec"), ["0"]);
});

test("etcd-ark.service waits for longer than the daemon gives a backup to finish", () => {
  assert.ok(Number.parseInt(valuesOf("TimeoutStopSec")[0] ?? "", 10) >= 30);
});

test("etcd-ark.env sets nothing until it is edited", async () => {
  const lines = (await readFile(join(ROOT, "systemd/etcd-ark.env"), "utf8")).split("\n");

  assert.ok(lines.includes("#HOME=/root"));
  assert.deepEqual(
    lines.filter((line) => line !== "" && !line.startsWith("#")),
    [],
  );
});
