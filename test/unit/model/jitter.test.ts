import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { clampJitter, jitterMs } from "../../../src/model/jitter.ts";

const MAX = 120_000;

/** How many of `names` start in each tenth of the time. */
function tenths(names: readonly string[]): number[] {
  const counts = Array.from({ length: 10 }, () => 0);
  for (const node of names) {
    const tenth = Math.floor((jitterMs({ cluster: "prod", node }, MAX) / MAX) * 10);
    counts[tenth] = (counts[tenth] ?? 0) + 1;
  }
  return counts;
}

describe("jitterMs()", () => {
  it("is a whole number of milliseconds below the maximum, the same each time", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.integer({ min: 1, max: 86_400_000 }), (cluster, node, maxMs) => {
        const jitter = jitterMs({ cluster, node }, maxMs);
        assert.ok(Number.isInteger(jitter) && jitter >= 0 && jitter < maxMs, `${jitter}`);
        assert.equal(jitterMs({ cluster, node }, maxMs), jitter);
      }),
    );
  });

  it("is pinned: a new version must not move a fleet", () => {
    assert.deepEqual(
      ["cp-1", "cp-2", "cp-3"].map((node) => jitterMs({ cluster: "default", node }, MAX)),
      [81_053, 24_832, 49_847],
    );
  });

  it("is nothing when none is wanted", () => {
    assert.equal(jitterMs({ cluster: "a", node: "b" }, 0), 0);
  });

  for (const [name, nameOf] of [
    ["numbered nodes", (index: number) => `cp-${index}`],
    ["addresses", (index: number) => `ip-10-0-${index >> 8}-${index & 255}`],
    ["host names that differ in the middle", (index: number) => `node-${index}.eu.example.com`],
  ] as const) {
    it(`spreads ${name} evenly`, () => {
      const counts = tenths(Array.from({ length: 1000 }, (_, index) => nameOf(index)));
      // 27.9 is exceeded by one in a thousand of even spreads.
      const chiSquare = counts.reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0);
      assert.ok(chiSquare < 27.9, `${counts}`);
    });
  }

  it("keeps the three nodes of most clusters well apart", () => {
    const close = Array.from({ length: 200 }, (_, index) => {
      const [a = 0, b = 0, c = 0] = ["cp-1", "cp-2", "cp-3"]
        .map((node) => jitterMs({ cluster: `cluster-${index}`, node }, MAX))
        .sort((one, other) => one - other);
      return Math.min(b - a, c - b) < MAX / 100;
    }).filter(Boolean);
    // Of three random points, two are within a hundredth of each other in 6 % of cases.
    assert.ok(close.length < 25, `${close.length} of 200`);
  });
});

describe("clampJitter()", () => {
  it("leaves a jitter alone that ends before the next tick", () => {
    assert.equal(clampJitter(59_999, 1_000_000, 1_060_000), 59_999);
  });

  it("is always less than the distance to the next tick", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 86_400_000 }), (jitter, tick, distance) => {
        const clamped = clampJitter(jitter, tick, tick + distance);
        assert.ok(clamped >= 0 && clamped < distance);
      }),
    );
  });

  it("keeps a fleet spread when the jitter is longer than the distance", () => {
    const clamped = Array.from({ length: 100 }, (_, node) =>
      clampJitter(jitterMs({ cluster: "prod", node: `cp-${node}` }, MAX), 0, 10_000),
    );
    assert.ok(new Set(clamped.map((jitter) => Math.floor(jitter / 1000))).size === 10);
  });

  it("is nothing when ticks do not move on", () => {
    assert.equal(clampJitter(5, 1000, 1000), 0);
  });
});
