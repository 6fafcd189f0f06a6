import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { getTasks } from "node-cron";
import { BackupError } from "../../../src/errors.ts";
import type { Schedule } from "../../../src/ports/ticker.ts";
import { createTicker, validateSchedule } from "../../../src/schedule/ticker.ts";
import { SimulatedMachine } from "./simulated-machine.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

interface Delivery {
  readonly tick: string;
  readonly at: string;
}

const show = (instant: number): string => new Date(instant).toISOString().replace(/(:00)?\.000Z$/, "Z");

/** Runs `live` on a simulated machine with the schedule started, and returns what was delivered. */
async function deliveries(
  [cron, timezone, start]: readonly [cron: string, timezone: string, start: string],
  live: (machine: SimulatedMachine) => Promise<void>,
): Promise<Delivery[]> {
  using machine = new SimulatedMachine(start);
  const found: Delivery[] = [];
  using _running = createTicker({ clock: machine }).start({ cron, timezone }, (tick) =>
    found.push({ tick: show(tick), at: show(machine.now()) }),
  );
  await live(machine);
  return found;
}

const ticksOf = (found: readonly Delivery[]): string[] => found.map(({ tick }) => tick);
const onTime = (...ticks: string[]): Delivery[] => ticks.map((tick) => ({ tick, at: tick }));

describe("createTicker().start()", () => {
  it("delivers each tick at its own moment, and none from before the start", async () => {
    const found = await deliveries(["*/15 * * * *", "UTC", "2026-01-05T10:00:00.000Z"], (machine) =>
      machine.advance(HOUR),
    );
    assert.deepEqual(found, onTime("2026-01-05T10:15Z", "2026-01-05T10:30Z", "2026-01-05T10:45Z", "2026-01-05T11:00Z"));
  });

  it("delivers every few seconds when seconds are given", async () => {
    const found = await deliveries(["*/20 * * * * *", "UTC", "2026-01-05T10:00:01.500Z"], (machine) =>
      machine.advance(MINUTE),
    );
    assert.deepEqual(found, onTime("2026-01-05T10:00:20Z", "2026-01-05T10:00:40Z", "2026-01-05T10:01Z"));
  });

  it("is woken by node-cron tasks that run the schedule itself, one for each of two day fields", async () => {
    using machine = new SimulatedMachine("2026-01-05T10:00:00Z");
    const patterns = (): string[] => [...getTasks().values()].map((task) => task.getPattern());
    const ticker = createTicker({ clock: machine });
    const daily = ticker.start({ cron: "30 9 * * *", timezone: "Europe/Berlin" }, () => undefined);
    assert.equal(patterns().length, 1);
    assert.match(patterns()[0] ?? "", /^0 30 9 1,2,.*,31 1,2,.*,12 0,1,2,3,4,5,6$/);
    await machine.advance(DAY);
    assert.equal(patterns().length, 1);
    daily[Symbol.dispose]();
    const either = ticker.start({ cron: "30 9 1 * MON", timezone: "Europe/Berlin" }, () => undefined);
    assert.deepEqual(
      patterns().map((pattern) => pattern.replace(/1,2,[\d,]*/g, "all").replace("0,all", "all")),
      ["0 30 9 1 all all", "0 30 9 all all 1"],
    );
    either[Symbol.dispose]();
    ticker.start({ cron: "30 9 30 FEB MON", timezone: "UTC" }, () => undefined)[Symbol.dispose]();
    assert.deepEqual(patterns(), []);
    assert.equal(machine.timers, 0);
  });

  it("wakes at the tick even when nobody looks at the clock in between", async () => {
    using machine = new SimulatedMachine("2026-01-05T10:00:30Z");
    const found: string[] = [];
    const clock = {
      now: () => machine.now(),
      monotonic: () => machine.monotonic(),
      sleep: () => new Promise<void>(() => undefined),
    };
    using _running = createTicker({ clock }).start({ cron: "0 0,12 1 * FRI", timezone: "UTC" }, (tick) =>
      found.push(`${show(tick)} at ${show(machine.now())}`),
    );
    await machine.advance(5 * DAY);
    assert.deepEqual(found, ["2026-01-09T00:00Z at 2026-01-09T00:00Z", "2026-01-09T12:00Z at 2026-01-09T12:00Z"]);
  });

  it("delivers a tick of the hour that spring skips at its end, to the second", async () => {
    const found = await deliveries(["30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:10Z"], (machine) =>
      machine.advance(2 * DAY),
    );
    assert.deepEqual(found, onTime("2026-03-29T01:00Z", "2026-03-30T00:30Z"));
  });

  it("delivers through both hours in autumn, to the second", async () => {
    const found = await deliveries(["30 */20 * * * *", "Europe/Berlin", "2026-10-25T00:35:00Z"], (machine) =>
      machine.advance(90 * MINUTE),
    );
    assert.deepEqual(
      found,
      onTime(
        "2026-10-25T00:40:30Z",
        "2026-10-25T01:00:30Z",
        "2026-10-25T01:20:30Z",
        "2026-10-25T01:40:30Z",
        "2026-10-25T02:00:30Z",
      ),
    );
  });

  it("delivers a daily tick of the repeated hour once", async () => {
    const found = await deliveries(["30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z"], (machine) =>
      machine.advance(DAY),
    );
    assert.deepEqual(found, onTime("2026-10-25T00:30Z"));
  });

  it("delivers a tick late when the process was busy at its moment", async () => {
    const found = await deliveries(["0 * * * *", "UTC", "2026-01-05T10:59:50Z"], async (machine) => {
      machine.freeze(40 * SECOND);
      await machine.advance(MINUTE);
    });
    assert.deepEqual(found, [{ tick: "2026-01-05T11:00Z", at: "2026-01-05T11:00:30Z" }]);
  });

  it("makes one run of the ticks that were missed together, and it is the newest one's", async () => {
    const found = await deliveries(["*/5 * * * *", "UTC", "2026-01-05T10:01:00Z"], async (machine) => {
      machine.freeze(27 * MINUTE);
      await machine.advance(3 * MINUTE);
    });
    assert.deepEqual(ticksOf(found), ["2026-01-05T10:25Z", "2026-01-05T10:30Z"]);
  });

  it("delivers nothing after it was disposed of, and leaves no timer", async () => {
    using machine = new SimulatedMachine("2026-01-05T10:00:00Z");
    const found: number[] = [];
    const running = createTicker({ clock: machine }).start({ cron: "* * * * *", timezone: "UTC" }, (tick) =>
      found.push(tick),
    );
    await machine.advance(MINUTE);
    running[Symbol.dispose]();
    await machine.advance(HOUR);
    assert.equal(found.length, 1);
    assert.equal(machine.timers, 0);
  });
});

describe("createTicker().start() when the clock steps", () => {
  for (const [name, step] of [
    ["an hour", HOUR],
    ["a day", DAY],
  ] as const) {
    it(`runs once for what ${name} forward has passed over, then goes on`, async () => {
      const found = await deliveries(["0 * * * *", "UTC", "2026-01-05T10:20:00Z"], async (machine) => {
        await machine.advance(HOUR);
        machine.step(step);
        await machine.advance(HOUR);
      });
      const newest = Date.parse("2026-01-05T11:00:00Z") + step;
      assert.deepEqual(ticksOf(found), ["2026-01-05T11:00Z", show(newest), show(newest + HOUR)]);
    });

    it(`delivers no tick again after ${name} back, and does not wait for the clock to catch up`, async () => {
      const found = await deliveries(["0 * * * *", "UTC", "2026-01-05T10:20:00Z"], async (machine) => {
        await machine.advance(3 * HOUR);
        machine.step(-step);
        await machine.advance(step + 2 * HOUR);
      });
      const ticks = ticksOf(found);
      assert.equal(new Set(ticks).size, ticks.length);
      const resumed = Date.parse("2026-01-05T13:00:00Z") - step;
      const expected = new Set(["2026-01-05T11:00Z", "2026-01-05T12:00Z", "2026-01-05T13:00Z"]);
      for (let tick = resumed + HOUR; tick <= resumed + step + 2 * HOUR; tick += HOUR) expected.add(show(tick));
      assert.deepEqual(ticks, [...expected]);
    });
  }

  it("delivers within a minute of a step back what is due by the new clock", async () => {
    const found = await deliveries(["*/2 * * * *", "UTC", "2026-01-06T10:01:00Z"], async (machine) => {
      await machine.advance(5 * SECOND);
      machine.step(-DAY);
      await machine.advance(2 * MINUTE);
    });
    assert.deepEqual(ticksOf(found), ["2026-01-05T10:02Z"]);
    assert.ok(
      found.every(({ at }) => at <= "2026-01-05T10:03Z"),
      found[0]?.at,
    );
  });

  for (const step of [25 * MINUTE, -25 * MINUTE]) {
    it(`is on time again for the next tick after ${step / MINUTE} minutes, with no task too many`, async () => {
      const found = await deliveries(["0 * * * *", "UTC", "2026-01-05T10:30:00Z"], async (machine) => {
        await machine.advance(90 * SECOND);
        machine.step(step);
        await machine.advance(HOUR);
        assert.equal(getTasks().size, 1);
      });
      assert.deepEqual(found, onTime("2026-01-05T11:00Z"));
    });
  }

  it("does not deliver twice when the clock goes back by seconds just after a tick", async () => {
    const found = await deliveries(["0 * * * *", "UTC", "2026-01-05T10:59:00Z"], async (machine) => {
      await machine.advance(61 * SECOND);
      machine.step(-2 * SECOND);
      await machine.advance(HOUR);
    });
    assert.deepEqual(ticksOf(found), ["2026-01-05T11:00Z"]);
  });
});

describe("createTicker()", () => {
  const schedule: Schedule = { cron: "@hourly", timezone: "UTC" };

  it("knows the next and the previous tick without being started", () => {
    using machine = new SimulatedMachine("2026-01-05T10:20:00Z");
    const ticker = createTicker({ clock: machine });
    assert.equal(show(ticker.next(schedule, machine.now())), "2026-01-05T11:00Z");
    assert.equal(show(ticker.previous(schedule, machine.now()) ?? 0), "2026-01-05T10:00Z");
    assert.equal(ticker.previous({ cron: "0 0 29 2 *", timezone: "UTC" }, machine.now()), undefined);
  });
});

describe("validateSchedule()", () => {
  it("accepts what can be used and refuses the rest with CONFIG_INVALID and a hint", () => {
    validateSchedule({ cron: "*/5 * * * * *", timezone: "America/New_York" });
    for (const bad of [
      { cron: "@every 5m", timezone: "UTC" },
      { cron: "0 25 * * *", timezone: "UTC" },
      { cron: "0 * * * *", timezone: "Europe/Bonn" },
      { cron: "0 * * * *", timezone: "" },
    ]) {
      assert.throws(
        () => validateSchedule(bad),
        (error) => error instanceof BackupError && error.code === "CONFIG_INVALID" && error.hint !== undefined,
      );
    }
  });
});
