import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  frozenTimelines,
  planRetention,
  type RetentionCandidate,
  type RetentionPolicy,
} from "../../../src/model/retention.ts";

const NONE: RetentionPolicy = {
  last: 0,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  within: 0,
  timezone: "UTC",
  maxDeletes: 100,
  onDemand: { last: 0, within: 0 },
};
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NEWEST = "newest good of its timeline";

/** A snapshot that is named by when it was stored, which is also its tick unless another is given. */
function snapshot(stored: string, change: Partial<RetentionCandidate> = {}): RetentionCandidate {
  const storedAt = Date.parse(stored);
  return {
    name: stored,
    tick: storedAt,
    kind: "scheduled",
    timeline: "t1",
    storedAt,
    suspect: false,
    good: true,
    ...change,
  };
}

/** What becomes of each snapshot: the reasons to keep it, or the action. */
function outcomes(
  snapshots: readonly RetentionCandidate[],
  policy: Partial<RetentionPolicy>,
  now = Math.max(...snapshots.map(({ storedAt }) => storedAt)),
): Record<string, readonly string[] | string> {
  const plan = planRetention(snapshots, { ...NONE, ...policy }, now);
  return Object.fromEntries(plan.map(({ name, action, reasons }) => [name, action === "keep" ? reasons : action]));
}

interface Case {
  readonly name: string;
  readonly policy: Partial<RetentionPolicy>;
  readonly expected: Record<string, readonly string[] | string>;
}

const CALENDARS: readonly Case[] = [
  {
    name: "keeps everything when no rule is set",
    policy: {},
    expected: {
      "2026-01-05T09:00:00Z": [NEWEST, "no rule is set for scheduled snapshots"],
      "2020-01-05T09:00:00Z": ["no rule is set for scheduled snapshots"],
    },
  },
  {
    name: "keeps the last ones",
    policy: { last: 2 },
    expected: {
      "2026-01-05T09:00:00Z": [NEWEST, "last"],
      "2026-01-05T08:00:00Z": ["last"],
      "2026-01-05T07:00:00Z": "delete",
    },
  },
  {
    name: "keeps the newest of each day, of days that have one",
    policy: { daily: 3 },
    expected: {
      "2026-01-05T09:00:00Z": [NEWEST, "daily 2026-01-05"],
      "2026-01-05T03:00:00Z": "delete",
      "2026-01-04T09:00:00Z": ["daily 2026-01-04"],
      "2026-01-01T09:00:00Z": ["daily 2026-01-01"],
      "2026-01-01T08:59:59Z": "delete",
      "2025-12-31T09:00:00Z": "delete",
    },
  },
  {
    name: "keeps the newest of each hour",
    policy: { hourly: 2 },
    expected: {
      "2026-01-05T09:59:59Z": [NEWEST, "hourly 2026-01-05T09Z"],
      "2026-01-05T09:00:00Z": "delete",
      "2026-01-05T08:00:00Z": ["hourly 2026-01-05T08Z"],
      "2026-01-05T07:59:00Z": "delete",
    },
  },
  {
    name: "keeps the newest of each ISO week, across the turn of the year",
    policy: { weekly: 3 },
    expected: {
      "2027-01-04T00:00:00Z": [NEWEST, "weekly 2027-W01"],
      "2027-01-03T23:59:59Z": ["weekly 2026-W53"],
      "2026-12-28T00:00:00Z": "delete",
      "2026-12-27T23:59:59Z": ["weekly 2026-W52"],
      "2025-12-29T00:00:00Z": "delete",
    },
  },
  {
    name: "keeps the newest of each month and of each year",
    policy: { monthly: 2, yearly: 2 },
    expected: {
      "2026-02-28T00:00:00Z": [NEWEST, "monthly 2026-02", "yearly 2026"],
      "2026-02-01T00:00:00Z": "delete",
      "2026-01-31T00:00:00Z": ["monthly 2026-01"],
      "2025-12-31T00:00:00Z": ["yearly 2025"],
      "2025-12-30T00:00:00Z": "delete",
      "2024-12-31T00:00:00Z": "delete",
    },
  },
  {
    name: "keeps what any rule keeps, with every reason",
    policy: { last: 2, daily: 2, weekly: 2 },
    expected: {
      "2026-01-05T09:00:00Z": [NEWEST, "last", "daily 2026-01-05", "weekly 2026-W02"],
      "2026-01-05T08:00:00Z": ["last"],
      "2026-01-04T09:00:00Z": ["daily 2026-01-04", "weekly 2026-W01"],
      "2026-01-03T09:00:00Z": "delete",
    },
  },
  {
    name: "keeps what is within a duration of the newest, its edge included",
    policy: { within: 2 * HOUR },
    expected: {
      "2026-01-05T09:00:00Z": [NEWEST, "within"],
      "2026-01-05T07:00:00Z": ["within"],
      "2026-01-05T06:59:59Z": "delete",
    },
  },
  {
    name: "takes days from the policy's zone",
    policy: { daily: 2, timezone: "Europe/Berlin" },
    expected: {
      "2026-01-05T23:30:00Z": [NEWEST, "daily 2026-01-06"],
      "2026-01-05T22:30:00Z": ["daily 2026-01-05"],
      "2026-01-04T23:30:00Z": "delete",
    },
  },
  {
    name: "takes the repeated hour of autumn as two",
    policy: { hourly: 3, timezone: "Europe/Berlin" },
    expected: {
      "2026-10-25T01:30:00Z": [NEWEST, "hourly 2026-10-25T02+01:00"],
      "2026-10-25T00:30:00Z": ["hourly 2026-10-25T02+02:00"],
      "2026-10-24T23:30:00Z": ["hourly 2026-10-25T01+02:00"],
      "2026-10-24T22:30:00Z": "delete",
    },
  },
  {
    name: "names an hour of a zone that is behind UTC",
    policy: { hourly: 1, timezone: "America/St_Johns" },
    expected: { "2026-01-05T09:00:00Z": [NEWEST, "hourly 2026-01-05T05-03:30"] },
  },
];

describe("planRetention()", () => {
  for (const { name, policy, expected } of CALENDARS) {
    it(name, () => {
      assert.deepEqual(
        outcomes(
          Object.keys(expected).map((stored) => snapshot(stored)),
          policy,
        ),
        expected,
      );
    });
  }

  it("answers nothing for nothing", () => assert.deepEqual(planRetention([], NONE, 0), []));

  it("says why it deletes and why it defers, oldest first, no more than maxDeletes", () => {
    const snapshots = ["09", "08", "07", "06"].map((hour) => snapshot(`2026-01-05T${hour}:00:00Z`));
    const plan = planRetention(snapshots, { ...NONE, last: 1, maxDeletes: 2 }, Date.parse("2026-01-05T09:00:00Z"));
    assert.deepEqual(
      plan.slice(1).map(({ action, reasons }) => [action, ...reasons]),
      [
        ["deferred", "no rule keeps it", "maxDeletes 2 reached, left for a later run"],
        ["delete", "no rule keeps it"],
        ["delete", "no rule keeps it"],
      ],
    );
  });

  it("keeps what a check has found corrupt, which takes no other's place", () => {
    const corrupt = snapshot("2026-01-02T09:00:00Z", { good: false, corrupt: true });
    const [older, newest] = [snapshot("2026-01-03T09:00:00Z"), snapshot("2026-01-04T09:00:00Z")];

    const decisions = planRetention([corrupt, older, newest], { ...NONE, last: 1 }, newest.storedAt);

    assert.deepEqual(
      decisions.map(({ action }) => action),
      ["keep", "delete", "keep"],
    );
    assert.match(decisions[0]?.reasons.join() ?? "", /^corrupt/);
  });

  it("deletes nothing when maxDeletes is 0", () => {
    assert.deepEqual(
      outcomes([snapshot("2026-01-05T09:00:00Z"), snapshot("2026-01-05T08:00:00Z")], { last: 1, maxDeletes: 0 }),
      {
        "2026-01-05T09:00:00Z": [NEWEST, "last"],
        "2026-01-05T08:00:00Z": "deferred",
      },
    );
  });

  it("counts the snapshots that several nodes took at one tick once, and keeps or deletes them together", () => {
    const tick = (text: string): Partial<RetentionCandidate> => ({ tick: Date.parse(text) });
    const nine = tick("2026-01-05T09:00:00Z");
    const eight = tick("2026-01-05T08:00:00Z");
    const seven = tick("2026-01-05T07:00:00Z");
    const copies = [
      snapshot("2026-01-05T09:00:10Z", nine),
      snapshot("2026-01-05T09:00:50Z", nine),
      snapshot("2026-01-05T09:01:30Z", nine),
      snapshot("2026-01-05T08:00:10Z", eight),
      snapshot("2026-01-05T08:01:10Z", eight),
      snapshot("2026-01-05T07:00:10Z", seven),
      snapshot("2026-01-05T07:01:10Z", seven),
    ];
    assert.deepEqual(Object.values(outcomes(copies, { last: 2 })), [
      [NEWEST, "last"],
      [NEWEST, "last"],
      [NEWEST, "last"],
      ["last"],
      ["last"],
      "delete",
      "delete",
    ]);
  });

  it("keeps a day its snapshot when a slow copy of the day's last tick is stored after midnight", () => {
    const tick = Date.parse("2026-01-05T23:00:00Z");
    const before = [snapshot("2026-01-05T22:00:05Z"), snapshot("2026-01-05T23:00:05Z", { tick })];
    assert.equal(outcomes(before, { daily: 7 })["2026-01-05T22:00:05Z"], "delete");
    const after = [
      snapshot("2026-01-05T23:00:05Z", { tick }),
      snapshot("2026-01-06T00:10:00Z", { tick }),
      snapshot("2026-01-06T01:00:05Z"),
    ];
    assert.deepEqual(outcomes(after, { daily: 7 })["2026-01-05T23:00:05Z"], ["daily 2026-01-05"]);
  });

  it("goes by the store's clock when nodes have ticks that are a day apart", () => {
    const shifted = (stored: string, by: number): RetentionCandidate =>
      snapshot(stored, { tick: Date.parse(stored) + by });
    const snapshots = [
      shifted("2026-01-05T09:00:01Z", 0),
      shifted("2026-01-05T09:00:02Z", DAY),
      shifted("2026-01-05T09:00:03Z", -DAY),
      shifted("2026-01-04T09:00:01Z", 0),
      shifted("2026-01-04T09:00:02Z", DAY),
      shifted("2026-01-04T09:00:03Z", -DAY),
    ];
    const kept = Object.entries(outcomes(snapshots, { daily: 2 })).filter(([, outcome]) => outcome !== "delete");
    assert.deepEqual(
      kept.map(([name]) => name),
      ["2026-01-05T09:00:03Z", "2026-01-04T09:00:03Z"],
    );
  });

  it("rules scheduled and on-demand snapshots apart", () => {
    const manual = { kind: "on-demand" } as const;
    const snapshots = [
      snapshot("2026-01-05T09:00:00Z"),
      snapshot("2026-01-05T08:00:00Z", manual),
      snapshot("2026-01-05T07:00:00Z"),
      snapshot("2026-01-05T06:00:00Z", manual),
    ];
    const unset = "no rule is set for on-demand snapshots";
    assert.deepEqual(Object.values(outcomes(snapshots, { last: 1 })), [[NEWEST, "last"], [unset], "delete", [unset]]);
    assert.deepEqual(Object.values(outcomes(snapshots, { onDemand: { last: 1, within: 0 } })), [
      [NEWEST, "no rule is set for scheduled snapshots"],
      ["last"],
      ["no rule is set for scheduled snapshots"],
      "delete",
    ]);
    const within = { onDemand: { last: 0, within: 2 * HOUR } };
    assert.deepEqual(Object.values(outcomes(snapshots, { last: 2, ...within })), [
      [NEWEST, "last"],
      ["within"],
      ["last"],
      "delete",
    ]);
  });

  it("does not count an on-demand snapshot as the tick of the same moment", () => {
    const tick = Date.parse("2026-01-05T08:00:00Z");
    const snapshots = [
      snapshot("2026-01-05T09:00:00Z"),
      snapshot("2026-01-05T08:00:01Z", { tick }),
      snapshot("2026-01-05T08:00:02Z", { tick, kind: "on-demand" }),
    ];
    assert.equal(outcomes(snapshots, { last: 1 })["2026-01-05T08:00:01Z"], "delete");
  });

  it("plans each timeline by itself, so that a new one cannot push out the old", () => {
    const snapshots = [
      snapshot("2026-01-05T09:00:00Z", { timeline: "t2" }),
      snapshot("2026-01-05T08:00:00Z", { timeline: "t2" }),
      snapshot("2026-01-05T07:00:00Z"),
      snapshot("2026-01-05T06:00:00Z"),
    ];
    assert.deepEqual(Object.values(outcomes(snapshots, { last: 1 })), [
      [NEWEST, "last"],
      "delete",
      [NEWEST, "last"],
      "delete",
    ]);
  });

  it("keeps a tick of one timeline and deletes the tick of the same moment of another", () => {
    const tick = Date.parse("2026-01-05T08:00:00Z");
    const snapshots = [
      snapshot("2026-01-05T08:00:02Z", { tick }),
      snapshot("2026-01-05T09:00:00Z", { timeline: "t2" }),
      snapshot("2026-01-05T08:00:01Z", { tick, timeline: "t2" }),
    ];
    assert.deepEqual(Object.values(outcomes(snapshots, { last: 1 })), [[NEWEST, "last"], [NEWEST, "last"], "delete"]);
  });

  it("brakes at the same snapshot whatever their order when several were stored in one second", () => {
    const copies = ["a", "b", "c"].map((name) => snapshot("2026-01-05T08:00:00Z", { name }));
    const snapshots = [snapshot("2026-01-05T09:00:00Z"), ...copies];
    const policy = { last: 1, maxDeletes: 1 };
    assert.deepEqual(outcomes(snapshots, policy), outcomes(snapshots.toReversed(), policy));
  });

  it("does not let an ended timeline age away", () => {
    const ended = [
      snapshot("2025-01-05T09:00:00Z"),
      snapshot("2025-01-05T08:00:00Z"),
      snapshot("2025-01-01T00:00:00Z"),
    ];
    const now = Date.parse("2026-01-05T09:00:00Z");
    assert.deepEqual(Object.values(outcomes(ended, { within: 2 * HOUR }, now)), [
      [NEWEST, "within"],
      ["within"],
      "delete",
    ]);
  });

  it("freezes the timeline of a suspect snapshot, and no other", () => {
    const snapshots = [
      snapshot("2026-01-05T09:00:00Z", { suspect: true }),
      snapshot("2026-01-05T08:00:00Z"),
      snapshot("2026-01-05T07:00:00Z", { kind: "on-demand" }),
      snapshot("2026-01-04T07:00:00Z", { timeline: "t0" }),
      snapshot("2026-01-04T06:00:00Z", { timeline: "t0" }),
    ];
    const frozen = "frozen until `etcd-ark accept 2026-01-05T09:00:00Z`: history looks wrong there";
    assert.deepEqual(Object.values(outcomes(snapshots, { last: 1, onDemand: { last: 1, within: 0 } })), [
      [frozen],
      [frozen],
      [frozen],
      [NEWEST, "last"],
      "delete",
    ]);
    assert.deepEqual(frozenTimelines(snapshots), [`timeline "t1" is ${frozen}`]);
    assert.deepEqual(frozenTimelines(snapshots.slice(1)), []);
  });

  it("lets a damaged snapshot take no other's place", () => {
    const snapshots = [
      snapshot("2026-01-05T09:00:00Z", { good: false }),
      snapshot("2026-01-05T08:00:00Z"),
      snapshot("2026-01-04T09:00:00Z", { good: false }),
      snapshot("2026-01-04T08:00:00Z"),
      snapshot("2026-01-03T09:00:00Z", { good: false }),
    ];
    assert.deepEqual(Object.values(outcomes(snapshots, { daily: 1 })), [
      ["daily 2026-01-05"],
      [NEWEST, "daily 2026-01-05"],
      "delete",
      "delete",
      "delete",
    ]);
    assert.deepEqual(Object.values(outcomes(snapshots, { within: HOUR })).slice(0, 3), [
      ["within"],
      [NEWEST, "within"],
      "delete",
    ]);
  });

  it("keeps a damaged snapshot with the good ones of its tick", () => {
    const tick = Date.parse("2026-01-05T09:00:00Z");
    const snapshots = [
      snapshot("2026-01-05T09:00:02Z", { tick, good: false }),
      snapshot("2026-01-05T09:00:01Z", { tick }),
      snapshot("2026-01-05T08:00:00Z"),
    ];
    assert.deepEqual(Object.values(outcomes(snapshots, { last: 1 })), [[NEWEST, "last"], [NEWEST, "last"], "delete"]);
  });

  it("keeps everything of a timeline in which nothing counts", () => {
    const damaged = ["09", "08", "07"].map((hour) => snapshot(`2026-01-05T${hour}:00:00Z`, { good: false }));
    for (const policy of [{ last: 1 }, { daily: 1 }, { within: 1 }]) {
      assert.ok(Object.values(outcomes(damaged, policy)).every((outcome) => outcome !== "delete"));
    }
  });

  it("never takes a snapshot from more than five minutes in the future as the newest", () => {
    const now = Date.parse("2026-01-05T09:00:00Z");
    const future = "stored in the future by the store's clock";
    const snapshots = [
      snapshot("2026-01-05T09:05:01Z"),
      snapshot("2026-01-05T09:05:00Z"),
      snapshot("2026-01-05T08:00:00Z"),
      snapshot("2026-01-05T07:00:00Z"),
    ];
    assert.deepEqual(Object.values(outcomes(snapshots, { last: 2 }, now)), [
      ["last", future],
      [NEWEST, "last"],
      ["last"],
      "delete",
    ]);
    assert.deepEqual(outcomes(snapshots, { within: HOUR }, now)["2026-01-05T08:00:00Z"], "delete");
  });

  it("does not try to delete what is locked, and names until when", () => {
    const now = Date.parse("2026-01-05T09:00:00Z");
    const tick = Date.parse("2026-01-05T07:00:00Z");
    const snapshots = [
      snapshot("2026-01-05T09:00:00Z"),
      snapshot("2026-01-05T08:00:00Z", { lockedUntil: now }),
      snapshot("2026-01-05T07:00:05Z", { tick, lockedUntil: now + 1 }),
      snapshot("2026-01-05T07:00:01Z", { tick }),
    ];
    const locked = "locked until 2026-01-05T09:00:00.001Z";
    assert.deepEqual(Object.values(outcomes(snapshots, { last: 1 }, now)), [
      [NEWEST, "last"],
      "delete",
      [locked],
      [locked],
    ]);
  });

  it("spends no delete of maxDeletes on locked ones", () => {
    const now = Date.parse("2026-01-05T09:00:00Z");
    const snapshots = [
      snapshot("2026-01-05T09:00:00Z"),
      snapshot("2026-01-05T08:00:00Z"),
      snapshot("2026-01-05T07:00:00Z", { lockedUntil: now + DAY }),
    ];
    assert.equal(outcomes(snapshots, { last: 1, maxDeletes: 1 }, now)["2026-01-05T08:00:00Z"], "delete");
  });

  it("holds the same history whenever it is asked, as days go by", () => {
    const start = Date.parse("2026-01-01T00:00:00Z");
    const policy = { ...NONE, last: 3, daily: 5, weekly: 3 };
    let kept: RetentionCandidate[] = [];
    for (let tick = start; tick < start + 60 * DAY; tick += 6 * HOUR) {
      kept.push(
        snapshot(new Date(tick + 1000).toISOString(), { tick }),
        snapshot(new Date(tick + 2000).toISOString(), { tick }),
      );
      const plan = planRetention(kept, policy, tick + 3000);
      kept = kept.filter((_, index) => plan[index]?.action === "keep");
    }
    assert.deepEqual(
      [...new Set(kept.map(({ tick }) => new Date(tick).toISOString().slice(0, 13)))],
      [
        "2026-02-15T18",
        "2026-02-22T18",
        "2026-02-25T18",
        "2026-02-26T18",
        "2026-02-27T18",
        "2026-02-28T18",
        "2026-03-01T06",
        "2026-03-01T12",
        "2026-03-01T18",
      ],
    );
  });

  it("refuses an unknown time zone", () => {
    assert.throws(() => planRetention([], { ...NONE, timezone: "Moon" }, 0), /Cannot use time zone "Moon"/);
  });
});
