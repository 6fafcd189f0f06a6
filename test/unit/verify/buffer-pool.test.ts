import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BufferPool } from "../../../src/verify/buffer-pool.ts";

describe("BufferPool", () => {
  it("gives a buffer again that was given back, for lengths of the same power of two", () => {
    const pool = new BufferPool();
    const first = pool.take(5000);
    pool.give(first);

    const second = pool.take(8000);

    assert.equal(second.length, 8000);
    assert.equal(second.buffer, first.buffer);
    assert.notEqual(pool.take(8000).buffer, first.buffer);
  });

  it("keeps no long ones, and not more than 8 MiB", () => {
    const pool = new BufferPool();
    const long = pool.take(2 ** 20 + 1);
    pool.give(long);
    assert.notEqual(pool.take(2 ** 20 + 1).buffer, long.buffer);
    const many = Array.from({ length: 9 }, () => pool.take(2 ** 20));
    for (const bytes of many) pool.give(bytes);

    const again = new Set(Array.from({ length: 9 }, () => pool.take(2 ** 20).buffer));

    assert.equal(many.filter(({ buffer }) => again.has(buffer)).length, 8);
  });
});
