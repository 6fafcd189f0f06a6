import assert from "node:assert/strict";
import { it } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { SlabPool } from "../../../src/s3/slab-pool.ts";

const never = new AbortController().signal;

it("SlabPool hands out no more slabs than it may, and the same ones again", async () => {
  const pool = new SlabPool(2, 4);
  const first = pool.take();
  assert.ok(first && pool.take());
  assert.equal(pool.take(), undefined);
  const freed = pool.freed(never);
  first.append(Buffer.from("abcd"));
  pool.give(first);
  await freed;
  assert.equal(pool.take(), first);
  assert.equal(first.bytes.length, 0);
});

it("SlabPool.freed() rejects with the signal's reason", async () => {
  const pool = new SlabPool(1, 4);
  pool.take();
  const stop = new AbortController();
  const freed = pool.freed(stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(freed, /stopped/);
});

it("Slab.append() keeps every byte in order, however they come", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 9 })), (chunks) => {
      const pool = new SlabPool(1000, 4);
      const parts: Buffer[] = [];
      let slab = pool.take();
      for (const chunk of chunks) {
        for (let rest: Uint8Array = chunk; rest.length > 0; ) {
          if (slab?.isFull) {
            parts.push(slab.bytes);
            slab = pool.take();
          }
          rest = slab?.append(rest) ?? rest;
        }
      }
      if (slab) parts.push(slab.bytes);
      assert.deepEqual(Buffer.concat(parts), Buffer.concat(chunks));
      assert.ok(parts.slice(0, -1).every((part) => part.length === 4));
    }),
  );
});

it("SlabPool's slabs know the CRC32 of what they hold, also when they are used again", () => {
  const pool = new SlabPool(1, 100, true);
  for (const text of ["one part", "another part, which is longer"]) {
    const slab = pool.take();
    assert.ok(slab);
    for (const byte of Buffer.from(text)) slab.append(Uint8Array.of(byte));
    assert.equal(slab.crc32, crc32(text));
    pool.give(slab);
  }
  assert.equal(new SlabPool(1, 100).take()?.crc32, undefined);
});
