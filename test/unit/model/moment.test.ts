import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMoment } from "../../../src/model/moment.ts";
import { formatInstant } from "../../../src/model/time.ts";

for (const [text, moment] of [
  ["2026-11-25T03:00:00Z", "2026-11-25T03:00:00.000Z"],
  ["2026-11-25T03:00:00.250+01:00", "2026-11-25T02:00:00.250Z"],
  ["2026-11-25 03:00", "2026-11-25T03:00:00.000Z"],
  ["2026-11-25T03:00:59", "2026-11-25T03:00:59.000Z"],
  ["2024-02-29 00:00", "2024-02-29T00:00:00.000Z"],
] as const) {
  test(`parseMoment() takes ${text} as ${moment}`, () => {
    assert.equal(formatInstant(parseMoment(text) ?? 0), moment);
  });
}

for (const text of [
  "2026-11-25",
  "2026-11",
  "25.11.2026 03:00",
  "2026-02-30 00:00",
  "2026-11-25 24:00",
  "2026-11-25T03:00:00+25:00",
  "yesterday",
  "1795575600",
  "2026-11-25T3:00",
  "",
]) {
  test(`parseMoment() refuses "${text}"`, () => {
    assert.equal(parseMoment(text), undefined);
  });
}
