import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runCredentialProcess } from "../../../src/credentials/process.ts";
import { eventually } from "../../support/eventually.ts";
import { tempDir } from "../../support/temp-dir.ts";

const { signal } = new AbortController();
const print = (fields: object): string => `echo '${JSON.stringify(fields)}'`;
const pair = { AccessKeyId: "AKIAONE1", SecretAccessKey: "s" };

test("runCredentialProcess() gives what the command prints, run by a shell", async () => {
  const answer = { Version: 1, ...pair, SessionToken: "t", Expiration: "2027-01-01T00:00:00Z" };

  assert.deepEqual(await runCredentialProcess(`true && ${print(answer)} | cat`, signal), {
    accessKeyId: "AKIAONE1",
    secretAccessKey: "s",
    sessionToken: "t",
    expiresAt: Date.parse("2027-01-01"),
  });
  assert.deepEqual(await runCredentialProcess(print({ Version: 1, ...pair, SessionToken: null }), signal), {
    accessKeyId: "AKIAONE1",
    secretAccessKey: "s",
  });
});

const failures: readonly (readonly [what: string, command: string, message: RegExp])[] = [
  ["fails, with what it complains of", "echo sealed >&2; exit 7", /ended with 7: sealed$/],
  ["is killed", "kill -9 $$", /was ended by SIGKILL: it said nothing$/],
  ["prints no JSON", "echo secret", /printed no JSON of version 1$/],
  ["prints another version", print({ Version: 2, ...pair }), /printed no JSON of version 1: Version$/],
  ["prints half a pair", print({ Version: 1, AccessKeyId: "AKIAONE1" }), /version 1: SecretAccessKey$/],
  ["prints an expiry that is no date", print({ Version: 1, ...pair, Expiration: "soon" }), /expiry is not a date$/],
  ["prints without an end", "yes", /prints more than 1 MiB$/],
  ["asks a question", "read answer && echo $answer", /ended with 1/],
];
for (const [what, command, message] of failures) {
  test(`runCredentialProcess() rejects when the command ${what}`, async () => {
    await assert.rejects(runCredentialProcess(command, signal), { message });
  });
}

test("runCredentialProcess() kills a command that hangs, with what that has started, when its signal aborts", async () => {
  await using directory = await tempDir();
  const [pids, script] = [join(directory.path, "pids"), join(directory.path, "script")];
  await writeFile(script, `sleep 60 &\necho $$ $! > ${pids}\nwait\n`);
  const stop = new AbortController();

  const running = assert.rejects(runCredentialProcess(`sh ${script}`, stop.signal));
  const started = await eventually(async () => (await readFile(pids, "utf8").catch(() => "")).match(/\d+/g) ?? "");
  stop.abort(new Error("closed"));
  await running;

  assert.equal(started.length, 2);
  for (const pid of started) await eventually(async () => !(await isAlive(pid)), { timeoutMs: 5_000 });
});

test("runCredentialProcess() starts nothing when its signal has aborted already", async () => {
  await assert.rejects(runCredentialProcess("exit 7", AbortSignal.abort(new Error("closed"))), /closed/);
});

/** One that is dead may wait for its parent to notice. */
async function isAlive(pid: string): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "State:\tZ");
  return !/State:\s+[ZX]/.test(status);
}
