import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CheckMark, checkKey, decisiveMark, LEVELS, readCheckKey } from "../../../src/model/check-record.ts";
import { drillKey, readDrillKey } from "../../../src/model/drill-record.ts";

const mark = (level: CheckMark["level"], passed: boolean, at: number): CheckMark => ({ level, passed, at });

describe("checkKey()", () => {
  it("is read back as what it was made of, for every level and outcome", () => {
    for (const level of LEVELS) {
      for (const passed of [true, false]) {
        const made = mark(level, passed, Date.UTC(2026, 10, 25, 3, 30, 0, 7));
        assert.deepEqual(readCheckKey(checkKey("prod", "ark-cp-1", made)), { name: "ark-cp-1", mark: made });
      }
    }
  });

  it("is told from all other objects below checks/", () => {
    for (const key of [
      "prod/checks/ark-cp-1/accepted.json",
      "prod/checks/.doctor-1/a",
      "prod/checks/x/20261125-full-passed.json",
    ]) {
      assert.equal(readCheckKey(key), undefined, key);
    }
  });
});

describe("drillKey()", () => {
  it("is read back as what it was made of", () => {
    const made = { passed: false, at: Date.UTC(2026, 0, 1) };
    assert.deepEqual(readDrillKey(drillKey("prod", "ark-cp-1", made)), { name: "ark-cp-1", mark: made });
    assert.equal(readDrillKey("prod/drills/ark-cp-1/notes.txt"), undefined);
  });
});

describe("decisiveMark()", () => {
  for (const { name, marks, expected } of [
    { name: "is none of none", marks: [], expected: undefined },
    {
      name: "takes the deepest that passed, and of equals the newest",
      marks: [mark("full", true, 1), mark("full", true, 3), mark("digest", true, 9)],
      expected: mark("full", true, 3),
    },
    {
      name: "holds a failure until a later check that goes as deep passes",
      marks: [mark("full", false, 5), mark("full", true, 3), mark("stored", true, 9)],
      expected: mark("full", false, 5),
    },
    {
      name: "forgets a failure that a later check as deep has not found again",
      marks: [mark("full", false, 5), mark("full", true, 6)],
      expected: mark("full", true, 6),
    },
  ]) {
    it(name, () => assert.deepEqual(decisiveMark(marks), expected));
  }
});
