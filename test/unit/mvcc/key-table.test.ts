import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { KeyTable } from "../../../src/mvcc/key-table.ts";

function slotOf(table: KeyTable, key: string): number {
  const bytes = Buffer.from(key);
  return table.slotOf(bytes, 0, bytes.length);
}

describe("KeyTable", () => {
  it("keeps what was put in while it grows to 100,000 keys", () => {
    const table = new KeyTable();
    for (let index = 0; index < 100_000; index++) {
      const slot = slotOf(table, `/registry/pods/default/pod-${index}`);
      assert.equal(table.isKnown(slot), false, `key ${index} looks like another one`);
      table.put(slot, index, 2 ** 40 + index);
      table.setMark(slot, index + 1);
    }
    assert.deepEqual([table.size, table.live], [100_000, 100_000]);
    for (let index = 0; index < 100_000; index += 7) {
      const slot = slotOf(table, `/registry/pods/default/pod-${index}`);
      assert.deepEqual(table.get(slot), { isLive: true, version: index, createRevision: 2 ** 40 + index });
      assert.equal(table.mark(slot), index + 1);
    }
  });

  it("does as a Map does", () => {
    const step = fc.tuple(fc.constantFrom("", "a", "b", "ab", "ba", "\0", "\0\0"), fc.boolean(), fc.nat(9));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const [table, map] = [new KeyTable(), new Map<string, number | undefined>()];
        for (const [key, isDeletion, version] of steps) {
          const slot = slotOf(table, key);
          assert.equal(table.isKnown(slot), map.has(key));
          if (map.has(key)) assert.equal(table.get(slot).isLive, map.get(key) !== undefined);
          if (isDeletion) table.delete(slot);
          else table.put(slot, version, 1);
          map.set(key, isDeletion ? undefined : version);
        }
        assert.equal(table.size, map.size);
        assert.equal(table.live, [...map.values()].filter((version) => version !== undefined).length);
      }),
    );
  });
});
