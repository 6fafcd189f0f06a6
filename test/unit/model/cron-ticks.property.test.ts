import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseCron } from "../../../src/model/cron.ts";
import { cronTicks } from "../../../src/model/cron-ticks.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const START = Date.parse("2026-01-01T00:00:00Z");
const DAYS = 400;
const ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"] as const;

/** Minutes since 1970 of local time, for each minute from START on: by a wall-clock format, as the code does not. */
class LocalClock {
  readonly minutes: Int32Array;

  constructor(zone: string) {
    const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
    // Clocks are moved at half hours of UTC, in these zones and years.
    this.minutes = new Int32Array((DAYS * DAY) / MINUTE);
    for (let index = 0; index < this.minutes.length; index += 30) {
      const local = Date.parse(`${format.format(START + index * MINUTE).replace(" ", "T")}:00Z`) / MINUTE;
      for (let minute = 0; minute < 30; minute++) this.minutes[index + minute] = local + minute;
    }
  }
}

const clocks = new Map(ZONES.map((zone) => [zone, new LocalClock(zone)]));

/** What cron(8) says, minute by minute: indexes of the minutes that are ticks. */
function oracle(expression: string, zone: (typeof ZONES)[number], [from, until]: readonly [number, number]): number[] {
  const cron = parseCron(expression);
  const minutes = clocks.get(zone)?.minutes ?? new Int32Array();
  const everyHour = cron.hours.length === 24;
  const hits = new Map<number, boolean>();
  const dayHits = (day: number): boolean => {
    const known = hits.get(day);
    if (known !== undefined) return known;
    const date = new Date(day * DAY);
    const ofMonth = cron.daysOfMonth.includes(date.getUTCDate());
    const ofWeek = cron.daysOfWeek.includes(date.getUTCDay());
    const hit =
      cron.months.includes(date.getUTCMonth() + 1) && (cron.eitherDay ? ofMonth || ofWeek : ofMonth && ofWeek);
    hits.set(day, hit);
    return hit;
  };
  const atMinute = Array.from({ length: 60 }, (_, minute) => cron.minutes.includes(minute));
  const atHour = Array.from({ length: 24 }, (_, hour) => cron.hours.includes(hour));
  const matches = (local: number): boolean =>
    atMinute[local % 60] === true && atHour[Math.floor(local / 60) % 24] === true && dayHits(Math.floor(local / 1440));
  const ticks: number[] = [];
  let latest = (minutes[Math.max(0, from - 1440)] ?? 0) - 1;
  for (let index = Math.max(0, from - 1440); index < until; index++) {
    const local = minutes[index] ?? 0;
    let tick = everyHour && matches(local);
    if (!everyHour) for (let each = latest + 1; each <= local; each++) tick ||= matches(each);
    latest = Math.max(latest, local);
    if (tick && index > from) ticks.push(index);
  }
  return ticks;
}

function computed(expression: string, zone: string, [from, until]: readonly [number, number]): number[] {
  const { next } = cronTicks(expression, zone);
  const ticks: number[] = [];
  const end = START + until * MINUTE;
  for (let tick = next(START + from * MINUTE); tick < end; tick = next(tick)) ticks.push((tick - START) / MINUTE);
  return ticks;
}

const field = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant("*"),
    fc.integer({ min, max }).map(String),
    fc.integer({ min: 2, max: 7 }).map((step) => `*/${step}`),
    fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.uniqueArray(fc.integer({ min, max }), { minLength: 2, maxLength: 4 }).map((values) => values.join(",")),
  );
const anyDay = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant("*") }, { weight: 1, arbitrary: field(min, max) });
const expressions = fc
  .tuple(field(0, 59), fc.oneof(field(0, 23), field(0, 4)), anyDay(1, 28), fc.constant("*"), anyDay(0, 7))
  .map((fields) => fields.join(" "));

/** Minutes around which clocks are moved in one of the zones, and others. */
const moments = fc.oneof(
  ...["2026-03-08", "2026-03-29", "2026-04-04", "2026-10-03", "2026-10-25", "2026-11-01"].map((day) =>
    fc.integer({ min: -1440, max: 2880 }).map((shift) => (Date.parse(`${day}T00:00:00Z`) - START) / MINUTE + shift),
  ),
  fc.integer({ min: 1440, max: DAYS * 1440 - 2 * 1440 }),
);

describe("cronTicks().next", () => {
  for (const zone of ZONES) {
    it(`loses and doubles no tick in 400 days of ${zone}`, () => {
      for (const expression of ["0 * * * *", "30 2 * * *", "15,45 1-3 * * *", "0 */6 1,15 * 1", "*/30 2 * * 0"]) {
        const all = [1440, DAYS * 1440] as const;
        assert.deepEqual(computed(expression, zone, all), oracle(expression, zone, all), expression);
      }
    });
  }

  it("agrees with a minute-by-minute reading of any schedule around any moment", () => {
    fc.assert(
      fc.property(expressions, fc.constantFrom(...ZONES), moments, (expression, zone, from) => {
        const span = [from, from + 1440] as const;
        assert.deepEqual(computed(expression, zone, span), oracle(expression, zone, span));
      }),
      { numRuns: 150 },
    );
  });
});

describe("cronTicks().previous", () => {
  it("is the last tick that next leads to", () => {
    fc.assert(
      fc.property(expressions, fc.constantFrom(...ZONES), moments, (expression, zone, minute) => {
        const { next, previous } = cronTicks(expression, zone);
        const now = START + minute * MINUTE;
        const tick = previous(now);
        if (tick === undefined) return assert.ok(next(now - 366 * DAY) > now);
        assert.ok(tick <= now);
        assert.equal(next(tick - 1), tick);
        return assert.ok(next(tick) > now);
      }),
      { numRuns: 100 },
    );
  });
});
