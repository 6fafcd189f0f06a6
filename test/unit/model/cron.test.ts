import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BackupError } from "../../../src/errors.ts";
import { parseCron } from "../../../src/model/cron.ts";
import { cronTicks } from "../../../src/model/cron-ticks.ts";

const at = (text: string): number => Date.parse(text);
const show = (instant: number | undefined): string | undefined =>
  instant === undefined ? undefined : new Date(instant).toISOString().replace(".000", "");

function ticksBetween(
  cron: string,
  timezone: string,
  [from, until]: readonly [string, string],
): (string | undefined)[] {
  const ticks = cronTicks(cron, timezone);
  const found: (string | undefined)[] = [];
  for (let tick = ticks.next(at(from)); tick <= at(until); tick = ticks.next(tick)) found.push(show(tick));
  return found;
}

describe("parseCron()", () => {
  it("takes five fields as the sixth, seconds, being 0", () => {
    assert.deepEqual(parseCron("5 4 3 2 1"), {
      seconds: [0],
      minutes: [5],
      hours: [4],
      daysOfMonth: [3],
      months: [2],
      daysOfWeek: [1],
      eitherDay: true,
    });
    assert.deepEqual(parseCron(" 59  5 4 3 2 1 ").seconds, [59]);
  });

  it("takes ranges, steps, lists, names in either case, and 7 as Sunday", () => {
    const cron = parseCron("*/20,5-6 0-23/8 1,31 jan,MAR-May Fri-7");
    assert.deepEqual(cron.minutes, [0, 5, 6, 20, 40]);
    assert.deepEqual(cron.hours, [0, 8, 16]);
    assert.deepEqual(cron.daysOfMonth, [1, 31]);
    assert.deepEqual(cron.months, [1, 3, 4, 5]);
    assert.deepEqual(cron.daysOfWeek, [0, 5, 6]);
  });

  it("lets both day fields match only when one of them begins with a star", () => {
    assert.equal(parseCron("0 0 1 * 1").eitherDay, true);
    assert.equal(parseCron("0 0 * * 1").eitherDay, false);
    assert.equal(parseCron("0 0 1 * *").eitherDay, false);
    assert.equal(parseCron("0 0 1-7 * */2").eitherDay, false);
    assert.deepEqual(parseCron("0 0 1 * */2").daysOfWeek, [0, 2, 4, 6]);
  });

  for (const [alias, meaning] of [
    ["@hourly", "0 * * * *"],
    ["@daily", "0 0 * * *"],
    ["@Midnight", "0 0 * * *"],
    ["@weekly", "0 0 * * 0"],
    ["@monthly", "0 0 1 * *"],
    ["@yearly", "0 0 1 1 *"],
    ["@annually", "0 0 1 1 *"],
  ] as const) {
    it(`takes ${alias} as ${meaning}`, () => assert.deepEqual(parseCron(alias), parseCron(meaning)));
  }

  for (const [text, why, hint] of [
    ["", /got 0/, /minute hour/],
    ["* * * *", /got 4/, /six fields/],
    ["* * * * * * *", /got 7/, /six fields/],
    ["60 * * * *", /minute "60"/, /minute hour/],
    ["* 24 * * *", /hour "24"/, /minute hour/],
    ["* * 0 * *", /day of month "0"/, /minute hour/],
    ["* * * 13 *", /month "13"/, /minute hour/],
    ["* * * * 8", /day of week "8"/, /minute hour/],
    ["* * * mon *", /month "mon"/, /minute hour/],
    ["1,,2 * * * *", /minute ""/, /minute hour/],
    ["1-2-3 * * * *", /minute "1-2-3"/, /minute hour/],
    ["*-5 * * * *", /minute "\*-5"/, /minute hour/],
    ["-1 * * * *", /minute "-1"/, /minute hour/],
    ["1.5 * * * *", /minute "1.5"/, /minute hour/],
    ["? * * * *", /minute "\?"/, /minute hour/],
    ["* * L * *", /day of month "L"/, /minute hour/],
    ["* 22-2 * * *", /runs backwards/, /minute hour/],
    ["5/10 * * * *", /write "5-59\/10"/, /minute hour/],
    ["*/0 * * * *", /step of 0/, /minute hour/],
    ["@every 5m", /not supported/, /\*\/5 \* \* \* \*/],
    ["@reboot", /not supported/, /schedule\.onStart/],
    ["@fortnightly", /not supported/, /@hourly/],
    ["CRON_TZ=UTC 0 * * * *", /not supported/, /schedule\.timezone/],
  ] as const) {
    it(`refuses "${text}" with a hint`, () => {
      assert.throws(
        () => parseCron(text),
        (error) =>
          error instanceof BackupError &&
          error.code === "CONFIG_INVALID" &&
          error.message.startsWith(`Cannot use schedule "${text}": `) &&
          why.test(error.message) &&
          hint.test(error.hint ?? ""),
      );
    });
  }
});

describe("cronTicks()", () => {
  it("refuses a zone that does not exist, with a hint", () => {
    assert.throws(
      () => cronTicks("0 * * * *", "Mars/Olympus"),
      (error) => error instanceof BackupError && error.code === "CONFIG_INVALID" && /IANA/.test(error.hint ?? ""),
    );
  });

  it("refuses a schedule of days that no month has", () => {
    assert.throws(() => cronTicks("0 0 30 2 *", "UTC"), /names no day that exists/);
    assert.equal(show(cronTicks("0 0 30 2 1", "UTC").next(at("2026-01-01T00:00:00Z"))), "2026-02-02T00:00:00Z");
  });

  it("answers with a tick after the given moment, be it a tick or amid a second", () => {
    const { next } = cronTicks("*/10 * * * * *", "UTC");
    assert.equal(show(next(at("2026-01-05T00:00:00Z"))), "2026-01-05T00:00:10Z");
    assert.equal(show(next(at("2026-01-05T00:00:09.999Z"))), "2026-01-05T00:00:10Z");
    assert.equal(show(next(at("2026-12-31T23:59:50.001Z"))), "2027-01-01T00:00:00Z");
  });

  it("answers with the last tick at or before now, within a year", () => {
    const { previous } = cronTicks("0 0 29 2 *", "UTC");
    assert.equal(show(previous(at("2028-02-29T00:00:00Z"))), "2028-02-29T00:00:00Z");
    assert.equal(show(previous(at("2028-12-31T00:00:00Z"))), "2028-02-29T00:00:00Z");
    assert.equal(previous(at("2028-02-28T23:59:59.999Z")), undefined);
  });

  it("finds a leap day across a century that has none", () => {
    assert.equal(show(cronTicks("0 0 29 2 *", "UTC").next(at("2096-03-01T00:00:00Z"))), "2104-02-29T00:00:00Z");
  });

  it("takes day of month or day of week when both are restricted", () => {
    assert.deepEqual(ticksBetween("0 0 13 * 5", "UTC", ["2026-02-01T00:00:00Z", "2026-02-28T00:00:00Z"]), [
      "2026-02-06T00:00:00Z",
      "2026-02-13T00:00:00Z",
      "2026-02-20T00:00:00Z",
      "2026-02-27T00:00:00Z",
    ]);
    assert.deepEqual(ticksBetween("0 0 1,15 * 1", "UTC", ["2026-03-31T00:00:00Z", "2026-04-16T00:00:00Z"]), [
      "2026-04-01T00:00:00Z",
      "2026-04-06T00:00:00Z",
      "2026-04-13T00:00:00Z",
      "2026-04-15T00:00:00Z",
    ]);
  });

  it("runs a tick of the hour that spring skips at its end, once", () => {
    const day = ["2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"] as const;
    assert.deepEqual(ticksBetween("30 2 * * *", "Europe/Berlin", day), ["2026-03-29T01:00:00Z"]);
    assert.deepEqual(ticksBetween("*/5 2 * * *", "Europe/Berlin", day), ["2026-03-29T01:00:00Z"]);
    assert.deepEqual(ticksBetween("0,30 2,3 * * *", "Europe/Berlin", day), [
      "2026-03-29T01:00:00Z",
      "2026-03-29T01:30:00Z",
    ]);
  });

  it("finds the tick at the end of a gap from any moment before it, and from none after", () => {
    const { next, previous } = cronTicks("30 2 * * *", "Europe/Berlin");
    const end = at("2026-03-29T01:00:00Z");
    for (const before of [1, 999, 1000, 60_000]) assert.equal(next(end - before), end);
    assert.equal(show(next(end)), "2026-03-30T00:30:00Z");
    for (const since of [0, 1, 60_000]) assert.equal(previous(end + since), end);
    assert.equal(show(previous(end - 1)), "2026-03-28T01:30:00Z");
  });

  it("runs what the repeated hour of autumn names once, at its first time", () => {
    const day = ["2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"] as const;
    assert.deepEqual(ticksBetween("30 2 * * *", "Europe/Berlin", day), ["2026-10-25T00:30:00Z"]);
    assert.deepEqual(ticksBetween("0 1-3 * * *", "Europe/Berlin", day), [
      "2026-10-24T23:00:00Z",
      "2026-10-25T00:00:00Z",
      "2026-10-25T02:00:00Z",
    ]);
  });

  it("goes on through both hours when the schedule runs in every hour", () => {
    assert.deepEqual(ticksBetween("30 * * * *", "Europe/Berlin", ["2026-03-28T23:40:00Z", "2026-03-29T02:00:00Z"]), [
      "2026-03-29T00:30:00Z",
      "2026-03-29T01:30:00Z",
    ]);
    assert.deepEqual(ticksBetween("@hourly", "Europe/Berlin", ["2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z"]), [
      "2026-10-25T00:00:00Z",
      "2026-10-25T01:00:00Z",
      "2026-10-25T02:00:00Z",
    ]);
  });

  it("follows a zone that moves its clocks by half an hour", () => {
    const spring = ["2026-10-03T12:00:00Z", "2026-10-04T12:00:00Z"] as const;
    const autumn = ["2026-04-04T12:00:00Z", "2026-04-05T12:00:00Z"] as const;
    assert.deepEqual(ticksBetween("15 2 * * *", "Australia/Lord_Howe", spring), ["2026-10-03T15:30:00Z"]);
    assert.deepEqual(ticksBetween("45 1 * * *", "Australia/Lord_Howe", autumn), ["2026-04-04T14:45:00Z"]);
  });

  it("runs once for a day that a zone has left out", () => {
    assert.deepEqual(ticksBetween("0 12 * * *", "Pacific/Apia", ["2011-12-29T00:00:00Z", "2011-12-31T12:00:00Z"]), [
      "2011-12-29T22:00:00Z",
      "2011-12-30T10:00:00Z",
      "2011-12-30T22:00:00Z",
    ]);
  });
});
