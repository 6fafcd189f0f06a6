import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type Decision,
  planRetention,
  type RetentionCandidate,
  type RetentionPolicy,
} from "../../../src/model/retention.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.parse("2026-10-25T12:00:00Z");
const few = fc.integer({ min: 0, max: 4 });

const policies: fc.Arbitrary<RetentionPolicy> = fc.record({
  last: few,
  hourly: few,
  daily: few,
  weekly: few,
  monthly: few,
  yearly: few,
  within: fc.constantFrom(0, HOUR, 30 * HOUR),
  timezone: fc.constantFrom("UTC", "Europe/Berlin", "Australia/Lord_Howe"),
  maxDeletes: fc.integer({ min: 0, max: 40 }),
  onDemand: fc.record({ last: few, within: fc.constantFrom(0, 5 * HOUR) }),
});

const candidates: fc.Arbitrary<RetentionCandidate[]> = fc
  .array(
    fc.record({
      // Dense, so that ticks have several copies; some are of the future, some years old.
      hoursAgo: fc.oneof(fc.integer({ min: -2, max: 40 }), fc.integer({ min: 0, max: 20_000 })),
      delay: fc.integer({ min: 0, max: 90 * MINUTE }),
      kind: fc.constantFrom("scheduled", "scheduled", "on-demand"),
      timeline: fc.constantFrom("t1", "t2", "t3"),
      suspect: fc.integer({ min: 0, max: 40 }).map((each) => each === 0),
      good: fc.integer({ min: 0, max: 5 }).map((each) => each > 0),
      lockedUntil: fc.constantFrom(undefined, undefined, undefined, NOW - 1, NOW + HOUR),
    }),
    { maxLength: 40 },
  )
  .map((records) =>
    records.map(({ hoursAgo, delay, ...rest }, index) => {
      const tick = NOW - hoursAgo * HOUR;
      return { ...rest, name: `s${index}`, tick, storedAt: tick + delay };
    }),
  );

function check(property: (input: RetentionCandidate[], policy: RetentionPolicy) => void): void {
  fc.assert(fc.property(candidates, policies, property), { numRuns: 100 });
}

const byName = (plan: readonly Decision[]): Map<string, Decision> => new Map(plan.map((each) => [each.name, each]));
const actionOf = (plan: readonly Decision[]): Map<string, Decision["action"]> =>
  new Map(plan.map(({ name, action }) => [name, action]));
const countsAsGood = (each: RetentionCandidate): boolean =>
  each.good && !each.suspect && each.storedAt <= NOW + 5 * MINUTE;

describe("planRetention() for any snapshots and any policy", () => {
  it("leaves its inputs untouched and decides about each snapshot once, in their order", () => {
    check((input, policy) => {
      const before = JSON.stringify({ input, policy });
      const plan = planRetention(input, policy, NOW);
      assert.equal(JSON.stringify({ input, policy }), before);
      assert.deepEqual(
        plan.map(({ name }) => name),
        input.map(({ name }) => name),
      );
    });
  });

  it("decides the same whatever the order of its input", () => {
    fc.assert(
      fc.property(
        candidates.chain((input) =>
          fc.tuple(fc.constant(input), fc.shuffledSubarray(input, { minLength: input.length })),
        ),
        policies,
        ([input, shuffled], policy) => {
          const expected = byName(planRetention(input, policy, NOW));
          for (const decision of planRetention(shuffled, policy, NOW)) {
            assert.deepEqual(decision, expected.get(decision.name));
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("keeps the newest good snapshot of each timeline, and so of the store", () => {
    check((input, policy) => {
      const actions = actionOf(planRetention(input, policy, NOW));
      for (const members of Map.groupBy(input, ({ timeline }) => timeline).values()) {
        const good = members.filter(countsAsGood);
        const newest = Math.max(...good.map(({ storedAt }) => storedAt));
        const survivors = good.filter(({ name, storedAt }) => storedAt === newest && actions.get(name) === "keep");
        assert.ok(good.length === 0 || survivors.length > 0);
      }
    });
  });

  it("never deletes more than maxDeletes, and then the oldest of what is unwanted", () => {
    check((input, policy) => {
      const actions = actionOf(planRetention(input, policy, NOW));
      const timesOf = (action: Decision["action"]): number[] =>
        input.filter(({ name }) => actions.get(name) === action).map(({ storedAt }) => storedAt);
      const deleted = timesOf("delete");
      const deferred = timesOf("deferred");
      assert.ok(deleted.length <= policy.maxDeletes);
      if (deferred.length > 0) {
        assert.equal(deleted.length, policy.maxDeletes);
        assert.ok(Math.max(...deleted) <= Math.min(...deferred));
      }
    });
  });

  it("keeps what it kept when it is made again after its deletes, until nothing is left to delete", () => {
    check((input, policy) => {
      const first = actionOf(planRetention(input, policy, NOW));
      const rest = input.filter(({ name }) => first.get(name) !== "delete");
      for (const { name, action } of planRetention(rest, policy, NOW)) {
        assert.equal(action === "keep", first.get(name) === "keep");
      }
    });
  });

  it("deletes nothing more at the same moment when the brake did not hold it back", () => {
    check((input, policy) => {
      const unbraked = { ...policy, maxDeletes: 1000 };
      const first = actionOf(planRetention(input, unbraked, NOW));
      const rest = input.filter(({ name }) => first.get(name) !== "delete");
      assert.ok(planRetention(rest, unbraked, NOW).every(({ action }) => action === "keep"));
    });
  });

  it("keeps or does not keep all copies of a tick", () => {
    check((input, policy) => {
      const actions = actionOf(planRetention(input, policy, NOW));
      const ticks = Map.groupBy(input, ({ timeline, kind, tick }) => `${timeline} ${kind} ${tick}`);
      for (const copies of ticks.values()) {
        assert.equal(new Set(copies.map(({ name }) => actions.get(name) === "keep")).size, 1);
      }
    });
  });

  it("keeps all of a frozen timeline, and what is locked or suspect", () => {
    check((input, policy) => {
      const actions = actionOf(planRetention(input, policy, NOW));
      const frozen = new Set(input.filter(({ suspect }) => suspect).map(({ timeline }) => timeline));
      for (const { name, timeline, lockedUntil = 0 } of input) {
        if (frozen.has(timeline) || lockedUntil > NOW) assert.equal(actions.get(name), "keep");
      }
    });
  });

  it("deletes no more for a snapshot more that is damaged or suspect", () => {
    check((input, policy) => {
      const unbraked = { ...policy, maxDeletes: 1000 };
      const before = actionOf(planRetention(input, unbraked, NOW));
      for (const change of [{ good: false }, { suspect: true }]) {
        const added: RetentionCandidate = {
          name: "added",
          tick: NOW + 1,
          kind: "scheduled",
          timeline: "t1",
          storedAt: NOW,
          suspect: false,
          good: true,
          ...change,
        };
        for (const { name, action } of planRetention([...input, added], unbraked, NOW)) {
          if (action === "delete" && name !== "added") assert.equal(before.get(name), "delete");
        }
      }
    });
  });

  it("keeps all that it kept when its rules keep more", () => {
    check((input, policy) => {
      const unbraked = { ...policy, last: policy.last + 1, daily: policy.daily + 1, maxDeletes: 1000 };
      const before = actionOf(planRetention(input, unbraked, NOW));
      const more = { ...unbraked, last: unbraked.last + 1, weekly: unbraked.weekly + 2 };
      for (const { name, action } of planRetention(input, more, NOW)) {
        if (before.get(name) === "keep") assert.equal(action, "keep");
      }
    });
  });
});
