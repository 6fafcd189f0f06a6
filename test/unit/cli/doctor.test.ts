import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { doctor } from "../../../src/cli/commands/doctor.ts";
import type { CommonOptions } from "../../../src/cli/open-session.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";
import { isBackupError } from "../../../src/errors.ts";

const options: CommonOptions = { config: "/nowhere/config.yaml", envFile: "", output: "table", flags: {} };

async function run(environment: Record<string, string>, output: CommonOptions["output"] = "table"): Promise<string> {
  let printed = "";
  const write = (text: string): void => {
    printed += text;
  };
  const stdout = { isTTY: true, columns: 80, write };
  const terminal: Terminal = {
    stdout,
    stderr: { ...stdout, write: () => undefined },
    // As if systemd had started this process, so that no env file of this machine is read.
    environment: { SYSTEMD_EXEC_PID: "1", ...environment },
    workingDirectory: "/",
    pid: 1,
    signal: new AbortController().signal,
  };
  const failing = doctor({ ...options, output }, terminal, { write: true });
  await assert.rejects(
    failing,
    (error) => isBackupError(error, "DOCTOR_FAILED") && /1 of 2 checks/.test(error.message),
  );
  return printed;
}

describe("doctor()", () => {
  it("prints what is wrong with a configuration that it cannot read, and what to do, and then fails", async () => {
    const [heading, row, hint] = (await run({ NO_COLOR: "1" })).split("\n");
    assert.match(heading ?? "", /^OUTCOME +CHECK +DETAIL$/);
    assert.match(row ?? "", /^fail +configuration file +Cannot read configuration file "\/nowhere\/config\.yaml"/);
    assert.match(hint ?? "", /^ +hint: Check --config/);
  });

  it("colours the outcome on a terminal, unless NO_COLOR is set", async () => {
    assert.ok((await run({})).includes("\u001b[31mfail\u001b[0m"));
    assert.ok(!(await run({ NO_COLOR: "1" })).includes("\u001b"));
  });

  it("prints checks and their number as JSON", async () => {
    const { checks, summary } = JSON.parse(await run({}, "json"));
    assert.deepEqual(summary, { pass: 0, warn: 1, fail: 1 });
    assert.deepEqual(Object.keys(checks[0]), ["group", "name", "outcome", "detail", "hint"]);
  });
});
