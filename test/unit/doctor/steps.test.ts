import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runSteps, type Step } from "../../../src/doctor/steps.ts";
import { BackupError } from "../../../src/errors.ts";
import { pass } from "../../../src/model/check.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { dead, never, refused, rowsOf } from "./fakes.ts";

const right = async () => pass("right");
const options = { group: "bucket", clock: new FakeClock(), boundMs: 1000 } as const;

describe("runSteps()", () => {
  it("makes a BackupError a failure with its own hint, and goes on with what does not need it", async () => {
    const steps: Step[] = [
      { name: "put", run: () => Promise.reject(refused("s3:PutObject")) },
      { name: "list", run: right },
    ];
    const checks = await runSteps(steps, options, never);
    assert.deepEqual(checks[0], {
      group: "bucket",
      name: "put",
      outcome: "fail",
      detail: "Cannot do it: access denied to s3:PutObject",
      hint: 'Allow "s3:PutObject"',
    });
    assert.equal(rowsOf(checks)["list"], "pass: right");
  });

  it("tells all that needs what failed, directly or not, in one row", async () => {
    const steps: Step[] = [
      { name: "put", run: () => Promise.reject(refused("s3:PutObject")) },
      { name: "get", needs: ["put"], run: right },
      { name: "range", needs: ["get"], run: right },
    ];
    const checks = await runSteps(steps, options, never);
    assert.equal(checks.length, 2);
    assert.deepEqual(rowsOf(checks)["others"], "warn: not tried: get, range");
  });

  it("tries nothing more once somebody does not answer", async () => {
    const steps: Step[] = [
      { name: "one", run: () => Promise.reject(dead) },
      { name: "two", run: right },
    ];
    assert.equal(rowsOf(await runSteps(steps, options, never))["others"], "warn: not tried: two");
  });

  it("takes a refusal of what is optional for a warning, and silence for a failure all the same", async () => {
    const refusal: Step = { name: "read", isOptional: true, run: () => Promise.reject(refused("s3:Get")) };
    const silence: Step = { name: "ask", isOptional: true, run: () => Promise.reject(dead) };
    const outcomes = (await runSteps([refusal, silence], options, never)).map(({ outcome }) => outcome);
    assert.deepEqual(outcomes, ["warn", "fail"]);
  });

  it("ends a step at its bound, with what is known of the cause", async () => {
    const clock = new FakeClock();
    const hangs: Step = { name: "put", run: () => new Promise(() => undefined) };
    const blamed = runSteps([hangs], { ...options, clock, trouble: () => dead }, never);
    const unknown = runSteps([hangs], { ...options, clock }, never);
    await clock.advance(1000);
    assert.equal(rowsOf(await blamed)["put"], "fail: Cannot reach it");
    assert.match(rowsOf(await unknown)["put"] ?? "", /^fail: .*no answer within 1 s/);
  });

  it("rejects with the signal's reason when it is interrupted", async () => {
    const interruption = new AbortController();
    const hangs: Step = { name: "put", run: () => new Promise(() => undefined) };
    const running = runSteps([hangs], options, interruption.signal);
    const reason = new BackupError("INTERRUPTED", "Cannot finish");
    interruption.abort(reason);
    await assert.rejects(running, reason);
  });

  it("does not hide a bug", async () => {
    const bug: Step = { name: "put", run: () => Promise.reject(new TypeError("x is undefined")) };
    await assert.rejects(runSteps([bug], options, never), TypeError);
  });
});
