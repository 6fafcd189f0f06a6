import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { MAX_PARTS, partSizeFor } from "../../../src/s3/part-size.ts";

const MIB = 2 ** 20;

it("partSizeFor() keeps what is configured while 10,000 parts suffice", () => {
  assert.equal(partSizeFor(0, 8 * MIB), 8 * MIB);
  assert.equal(partSizeFor(80_000 * MIB, 8 * MIB), 8 * MIB);
  assert.equal(partSizeFor(80_000 * MIB + 1, 8 * MIB), 9 * MIB);
});

it("partSizeFor() never goes below what S3 takes for a part", () => {
  assert.equal(partSizeFor(10, 1), 5 * MIB);
});

it("partSizeFor() makes any size fit into 10,000 parts", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 50 * 2 ** 40 }), fc.integer({ min: 1, max: 2 ** 30 }), (size, configured) => {
      const partSize = partSizeFor(size, configured);
      return Math.ceil(size / partSize) <= MAX_PARTS && partSize >= configured;
    }),
  );
});
