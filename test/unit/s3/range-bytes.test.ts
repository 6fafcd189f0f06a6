import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { PiecePool } from "../../../src/s3/piece-pool.ts";
import { parseContentRange, RangeBytes } from "../../../src/s3/range-bytes.ts";

const MIB = 2 ** 20;

describe("RangeBytes", () => {
  for (const sliceSize of [1000, 16 * 1024, 3 * MIB]) {
    it(`joins slices of ${sliceSize} bytes into pieces of 1 MiB`, () => {
      const body = randomBytes(2 * MIB + 5);
      const range = new RangeBytes({ start: 100, end: 100 + body.length - 1 }, new PiecePool());

      for (let at = 0; at < body.length; at += sliceSize) {
        assert.ok(range.append(body.subarray(at, at + sliceSize), 10 * MIB));
      }

      assert.deepEqual(
        range.pieces.map(({ length }) => length),
        [MIB, MIB, 5],
      );
      assert.ok(Buffer.concat(range.pieces).equals(body));
      assert.deepEqual([range.next, range.left(10 * MIB)], [100 + body.length, 0]);
    });
  }

  it("ends where the object ends, and takes nothing beyond it", () => {
    const range = new RangeBytes({ start: 0, end: 8 * MIB }, new PiecePool());

    assert.equal(range.left(3), 3);
    assert.ok(range.append(Buffer.from("abc"), 3));
    assert.equal(range.append(Buffer.from("d"), 3), false);

    assert.deepEqual(range.pieces, [Buffer.from("abc")]);
  });

  it("tells whether bytes have come since it was asked last", () => {
    const range = new RangeBytes({ start: 7, end: 9 }, new PiecePool());

    const before = range.hasAdvanced;
    range.append(Buffer.from("a"), 100);

    assert.deepEqual([before, range.hasAdvanced, range.hasAdvanced], [false, true, false]);
  });
});

describe("parseContentRange()", () => {
  it("reads first, last and size", () => {
    assert.deepEqual(parseContentRange("bytes 5-9/12"), { start: 5, end: 9, size: 12 });
  });

  for (const header of [undefined, "", "bytes */12", "bytes 5-9/*", "items 5-9/12"]) {
    it(`gives nothing for ${header}`, () => {
      assert.equal(parseContentRange(header), undefined);
    });
  }
});

describe("PiecePool", () => {
  it("hands a piece out again that has come back, and not before", () => {
    const pool = new PiecePool();
    const first = pool.take(MIB);
    assert.ok(pool.take(MIB) !== first);

    pool.giveBack(first);

    assert.ok(pool.take(5 * MIB) === first);
  });

  it("does not take a piece twice, nor one of others", () => {
    const pool = new PiecePool();
    const piece = pool.take(MIB);
    for (const each of [piece, piece, Buffer.alloc(MIB), piece.subarray(0, 10)]) pool.giveBack(each);

    assert.ok(pool.take(MIB) === piece);
    const others = new Set([pool.take(MIB), pool.take(MIB)]);
    assert.ok(!others.has(piece));
    assert.equal(others.size, 2);
  });
});
