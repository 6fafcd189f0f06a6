import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkOrder, checkRow } from "../../../src/mvcc/history.ts";
import { revisionKey } from "../bolt/bolt-file.ts";
import { findingsOf } from "./inspected.ts";
import { encodeKeyValue, keySpaceFile, ModelStore } from "./model-store.ts";

const first = { main: 9, isTombstone: false, keySize: 1, createRevision: 9, modRevision: 9, version: 1 };
const third = { ...first, createRevision: 4, version: 3 };
const tombstone = { ...first, isTombstone: true, createRevision: 0, modRevision: 0, version: 0 };
const live = { isLive: true, version: 2, createRevision: 4 };
const deleted = { isLive: false, version: 2, createRevision: 4 };

describe("checkRow()", () => {
  for (const { what, row, before, compacted = -1, wrong } of [
    { what: "the first version of a new key", row: first, before: undefined, wrong: undefined },
    { what: "the first version of a deleted key", row: first, before: deleted, wrong: undefined },
    { what: "the next version of a key", row: third, before: live, wrong: undefined },
    {
      what: "the oldest version that a compaction left",
      row: third,
      before: undefined,
      compacted: 9,
      wrong: undefined,
    },
    { what: "a deletion", row: tombstone, before: live, wrong: undefined },
    { what: "a deletion at the compaction", row: tombstone, before: undefined, compacted: 9, wrong: undefined },
    { what: "a row of another revision", row: { ...first, modRevision: 8 }, before: undefined, wrong: /revision is 8/ },
    { what: "version 0", row: { ...first, version: 0 }, before: undefined, wrong: /cannot be/ },
    { what: "a creation to come", row: { ...third, createRevision: 10 }, before: live, wrong: /cannot be/ },
    {
      what: "a first version that is not new",
      row: { ...first, createRevision: 4 },
      before: undefined,
      wrong: /cannot be/,
    },
    { what: "a later version that is new", row: { ...first, version: 2 }, before: live, wrong: /cannot be/ },
    { what: "a later version of a new key", row: third, before: undefined, wrong: /was not there/ },
    { what: "the same above the compaction", row: third, before: undefined, compacted: 8, wrong: /was not there/ },
    { what: "a later version of a deleted key", row: third, before: deleted, wrong: /was deleted/ },
    { what: "a version left out", row: { ...third, version: 4 }, before: live, wrong: /version 4 follows version 2/ },
    { what: "a first version of a live key", row: first, before: live, wrong: /version 1 follows version 2/ },
    { what: "a version of another creation", row: { ...third, createRevision: 5 }, before: live, wrong: /follows/ },
    { what: "a deletion of no key", row: tombstone, before: undefined, wrong: /not there/ },
    { what: "a second deletion", row: tombstone, before: deleted, wrong: /deleted before/ },
    { what: "a tombstone with a version", row: { ...tombstone, version: 1 }, before: live, wrong: /no mere key/ },
    { what: "a row without a key", row: { ...first, keySize: 0 }, before: undefined, wrong: /no key/ },
  ]) {
    it(`${wrong ? "objects to" : "takes"} ${what}`, () => {
      assert.match(checkRow(row, before, compacted) ?? "nothing", wrong ?? /^nothing$/);
    });
  }
});

describe("checkOrder()", () => {
  const at = (main: number, sub = 0) => ({ main, sub, isTombstone: false });
  for (const { what, row, before, compacted = -1, wrong } of [
    { what: "the first change", row: at(2), before: undefined, wrong: undefined },
    { what: "the next transaction", row: at(8), before: at(7, 3), wrong: undefined },
    { what: "the next change of a transaction", row: at(8, 1), before: at(8), wrong: undefined },
    { what: "the first one above a compaction", row: at(8), before: at(3), compacted: 7, wrong: undefined },
    { what: "what a compaction left", row: at(7, 5), before: at(3), compacted: 7, wrong: undefined },
    { what: "a hole", row: at(9), before: at(7), wrong: /the revision before it is 7/ },
    { what: "a hole at the beginning", row: at(3), before: undefined, wrong: /the revision before it is 1/ },
    { what: "a hole behind a compaction", row: at(9), before: at(3), compacted: 7, wrong: /before it is 7/ },
    { what: "a lost first change", row: at(8, 1), before: at(7), wrong: /sub-revision is 1, and 0 was to follow/ },
    { what: "a lost change", row: at(8, 2), before: at(8), wrong: /sub-revision is 2, and 1 was to follow/ },
    { what: "a change twice", row: at(8), before: at(8), wrong: /sub-revision is 0, and 1 was to follow/ },
    { what: "revisions that cannot be told apart", row: at(2 ** 60), before: at(2 ** 60), wrong: undefined },
  ]) {
    it(`${wrong ? "objects to" : "takes"} ${what}`, () => {
      assert.match(checkOrder(row, before, compacted) ?? "nothing", wrong ?? /^nothing$/);
    });
  }
});

describe("inspectDatabase() of rows", () => {
  function store(): ModelStore {
    const made = new ModelStore();
    for (let index = 0; index < 5; index++) made.commit([{ put: "a" }, { put: `b${index}` }]);
    made.commit([{ delete: "a" }]);
    return made;
  }
  const bump = { key: revisionKey(1000n), value: Buffer.alloc(0) };

  it("finds nothing wrong with a history", async () => {
    assert.deepEqual(await findingsOf(store().file()), []);
  });

  it("reports each single row that is missing, as long as its transaction or its key goes on", async () => {
    const made = new ModelStore();
    for (let index = 0; index < 5; index++) made.commit([{ put: `b${index}` }, { put: "a" }]);
    made.commit([{ put: "a" }]);
    for (const lost of made.rows.slice(0, -1)) {
      const rest = made.rows.filter((row) => row !== lost);
      assert.match((await findingsOf(keySpaceFile(rest))).join(), /^ROWS row of revision/);
    }
  });

  it("finds nothing wrong with the row that `--bump-revision` leaves at its compaction", async () => {
    assert.deepEqual(await findingsOf(keySpaceFile([...store().rows, bump], { compacted: 1000 })), []);
  });

  for (const { what, row, finding } of [
    {
      what: "a row without a value above the compaction",
      row: { key: revisionKey(8n), value: Buffer.alloc(0) },
      finding: /has no key/,
    },
    {
      what: "a key that is no revision",
      row: { key: revisionKey(8n).subarray(1), value: Buffer.alloc(0) },
      finding: /has no revision/,
    },
    {
      what: "a value that is no KeyValue",
      row: { key: revisionKey(8n), value: Buffer.from("text") },
      finding: /is no KeyValue/,
    },
    {
      what: "a tombstone of a key that is deleted",
      row: {
        key: Buffer.concat([revisionKey(8n), Buffer.from("t")]),
        value: encodeKeyValue({ key: Buffer.from("a") }),
      },
      finding: /row of revision 8: it deletes a key that was deleted before/,
    },
  ]) {
    it(`reports ${what}`, async () => {
      const rows = [...store().rows, row].sort((a, b) => Buffer.compare(a.key, b.key));
      assert.match((await findingsOf(keySpaceFile(rows))).join("\n"), finding);
    });
  }
});
