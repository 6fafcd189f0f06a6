import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hashKv, inspectDatabase } from "../../../src/mvcc/inspect.ts";
import { opened } from "./inspected.ts";
import { type Change, ModelStore } from "./model-store.ts";

const { signal } = new AbortController();

const name = fc.constantFrom("a", "b", "c", "d", "e", "f");
const change: fc.Arbitrary<Change> = fc.oneof(
  { arbitrary: fc.record({ put: name, size: fc.constantFrom(0, 3, 30, 900) }), weight: 3 },
  { arbitrary: fc.record({ delete: name }), weight: 2 },
);
const compaction = fc.record({
  at: fc.nat(99),
  keepsTombstone: fc.boolean(),
  /** Scheduled and not begun, or done. */
  removes: fc.boolean(),
});
const step = fc.oneof(
  { arbitrary: fc.array(change, { minLength: 1, maxLength: 4 }), weight: 9 },
  { arbitrary: compaction, weight: 1 },
);

function play(steps: readonly (Change[] | { at: number; keepsTombstone: boolean; removes: boolean })[]): ModelStore {
  const store = new ModelStore();
  for (const each of steps) {
    if (Array.isArray(each)) store.commit(each);
    else {
      const oldest = Math.max(2, store.compacted + 1);
      if (oldest <= store.revision) store.compact(oldest + (each.at % (store.revision - oldest + 1)), each);
    }
  }
  return store;
}

describe("hashKv()", () => {
  it("is HashKV as etcd defines it, for every revision above the compaction of any history", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const store = play(steps);
        const db = await opened(store.file());
        for (let revision = Math.max(1, store.compacted); revision <= store.revision; revision++) {
          const at = { revision: BigInt(revision), compactRevision: BigInt(store.compacted) };
          assert.equal(await hashKv(db, at, signal), store.hashKv(revision, store.compacted), `revision ${revision}`);
        }
        const inspection = await inspectDatabase(db, signal);
        assert.deepEqual(inspection.findings, []);
        assert.equal(inspection.hashKv, store.hashKv(store.revision, store.compacted));
        assert.deepEqual([inspection.revision, inspection.liveKeys], [BigInt(store.revision), store.liveKeys]);
      }),
      { numRuns: 60 },
    );
  });

  it("takes all rows that are there when no key lives, but for a tombstone at the compaction", async () => {
    const store = new ModelStore();
    store.commit([{ put: "a" }, { put: "b" }]);
    store.commit([{ put: "a" }, { delete: "b" }]);
    store.commit([{ delete: "a" }]);
    for (const compacted of [2, 3, 4]) {
      store.compact(compacted, { removes: false });
      const db = await opened(store.file());
      const at = { revision: 4n, compactRevision: BigInt(compacted) };
      assert.equal(await hashKv(db, at, signal), store.hashKv(4, compacted), `compacted at ${compacted}`);
    }
  });

  it("does not hang on how far a compaction is", async () => {
    const steps = fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(99), fc.boolean(), async (transactions, at, keepsTombstone) => {
        const [due, done] = [play(transactions), play(transactions)];
        if (due.liveKeys === 0) return;
        const compacted = 2 + (at % Math.max(1, due.revision - 1));
        due.compact(compacted, { removes: false });
        done.compact(compacted, { keepsTombstone });
        const [before, after] = [await opened(due.file()), await opened(done.file())];
        assert.equal((await inspectDatabase(before, signal)).hashKv, (await inspectDatabase(after, signal)).hashKv);
      }),
      { numRuns: 40 },
    );
  });

  it("keeps the sums of more rows than there was room for", async () => {
    const store = new ModelStore();
    for (let index = 0; index < 5000; index++) store.commit([{ put: `key ${index % 4500}`, size: 1 }]);
    store.compact(4900, { removes: false });
    const { hashKv: hash } = await inspectDatabase(await opened(store.file()), signal);
    assert.equal(hash, store.hashKv(store.revision, 4900));
  });
});
