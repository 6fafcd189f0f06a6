import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { backoffMs } from "../../../src/async/backoff.ts";

it("backoffMs() doubles from 200 ms and stops at 30 s", () => {
  const longest = [1, 2, 3, 4, 8, 9, 50].map((attempt) => backoffMs(attempt, () => 0.999999));
  assert.deepEqual(longest, [199, 399, 799, 1599, 25599, 29999, 29999]);
});

it("backoffMs() spreads over the whole range from nothing on", () => {
  assert.equal(
    backoffMs(5, () => 0),
    0,
  );
  assert.equal(
    backoffMs(5, () => 0.5),
    1600,
  );
});

it("backoffMs() stays within its bounds for any attempt", () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), random, (attempt, value) => {
      const wait = backoffMs(attempt, () => value, { firstMs: 5000, capMs: 300_000 });
      return Number.isInteger(wait) && wait >= 0 && wait <= 300_000;
    }),
  );
});
