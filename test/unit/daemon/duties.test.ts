import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Duty, startDuties } from "../../../src/daemon/duties.ts";
import type { Instant } from "../../../src/model/time.ts";
import type { Schedule, Ticker } from "../../../src/ports/ticker.ts";
import { BackupLab } from "../../support/backup-lab.ts";

/** Ticks when the test says so. */
class ManualTicker implements Ticker {
  readonly started: Schedule[] = [];
  fire: (tick: Instant) => void = () => undefined;

  next = (_schedule: Schedule, after: Instant): Instant => after + 1;
  previous = (): undefined => undefined;

  start(schedule: Schedule, onTick: (tick: Instant) => void): Disposable {
    this.started.push(schedule);
    this.fire = onTick;
    return { [Symbol.dispose]: () => undefined };
  }
}

function labOf(work: Duty["work"], jitterMs = 0) {
  const lab = new BackupLab();
  const ticker = new ManualTicker();
  const stop = new AbortController();
  const duty: Duty = { what: "do it", schedule: { cron: "30 3 * * *", timezone: "UTC" }, work };
  const duties = startDuties([duty], { ticker, context: lab.context, jitterMs }, stop.signal);
  const tick = async (): Promise<void> => {
    await lab.clock.advance(0);
    ticker.fire(lab.clock.now());
    await lab.clock.advance(0);
  };
  return { lab, ticker, stop, duties, tick };
}

describe("startDuties()", () => {
  it("works at each tick of its own schedule, after the jitter of this node", async () => {
    let worked = 0;
    const { lab, ticker, duties, tick } = labOf(async () => void worked++, 5000);
    await tick();
    assert.equal(worked, 0);

    await lab.clock.advance(5000);

    assert.equal(worked, 1);
    assert.deepEqual(ticker.started, [{ cron: "30 3 * * *", timezone: "UTC" }]);
    await duties[Symbol.asyncDispose]();
  });

  it("tells what went wrong, and goes on with the next tick", async () => {
    let worked = 0;
    const { lab, duties, tick } = labOf(async () => {
      worked++;
      if (worked === 1) throw new Error("a bucket is away");
    });
    await tick();
    await tick();

    assert.equal(worked, 2);
    const [warning, ...others] = lab.telemetry.of("warning");
    assert.equal(warning.message, "Cannot do it");
    assert.match(String(warning.err), /a bucket is away/);
    assert.deepEqual(others, []);
    await duties[Symbol.asyncDispose]();
  });

  it("makes one of the ticks that come while it works", async () => {
    const gates: (() => void)[] = [];
    const { lab, duties, tick } = labOf(() => new Promise((resolve) => gates.push(resolve)));
    await tick();
    await tick();
    await tick();
    assert.equal(gates.length, 1);

    gates[0]?.();
    await lab.clock.advance(0);
    gates[1]?.();
    await lab.clock.advance(0);

    assert.equal(gates.length, 2);
    await duties[Symbol.asyncDispose]();
  });

  it("ends the work that is under way when it is stopped, without a word", async () => {
    const { lab, stop, duties, tick } = labOf(async (signal) => await lab.clock.sleep(3_600_000, signal));
    await tick();

    stop.abort(new Error("stop"));
    await duties[Symbol.asyncDispose]();

    assert.deepEqual(lab.telemetry.of("warning"), []);
  });
});
