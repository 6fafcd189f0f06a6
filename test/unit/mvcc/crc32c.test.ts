import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { combineCrc32c, crc32c } from "../../../src/mvcc/crc32c.ts";
import { slowCrc32c } from "./model-store.ts";

function crcOf(bytes: Uint8Array, before = 0): number {
  return crc32c(before, { bytes, start: 0, end: bytes.length });
}

describe("crc32c()", () => {
  // The check value of the CRC catalogues, and those of RFC 3720, B.4.
  for (const { what, bytes, sum } of [
    { what: "nothing", bytes: Buffer.alloc(0), sum: 0 },
    { what: "nine digits", bytes: Buffer.from("123456789"), sum: 0xe3069283 },
    { what: "32 zeros", bytes: Buffer.alloc(32), sum: 0x8a9136aa },
    { what: "32 bytes of ones", bytes: Buffer.alloc(32, 0xff), sum: 0x62a8ab43 },
    {
      what: "32 ascending bytes",
      bytes: Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
      sum: 0x46dd794e,
    },
  ]) {
    it(`of ${what} is the known one`, () => {
      assert.equal(crcOf(bytes), sum);
    });
  }

  it("is that of a calculation bit by bit, wherever the bytes lie", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(40), (bytes, from) => {
        const start = Math.min(from, bytes.length);
        assert.equal(crc32c(0, { bytes, start, end: bytes.length }), slowCrc32c(0, bytes.subarray(start)));
      }),
    );
  });
});

describe("combineCrc32c()", () => {
  it("joins the sums of two runs into that of both", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (first, second) => {
        const both = Buffer.concat([first, second]);
        assert.equal(combineCrc32c(crcOf(first), crcOf(second), second.length), crcOf(both));
        assert.equal(crcOf(second, crcOf(first)), crcOf(both));
      }),
    );
  });

  it("joins long runs, whose powers are not kept", () => {
    const [first, second] = [Buffer.alloc(10, 7), Buffer.alloc(100_000, 9)];
    assert.equal(combineCrc32c(crcOf(first), crcOf(second), second.length), crcOf(Buffer.concat([first, second])));
  });
});
