import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeHashKv } from "../../../src/etcd/hash-kv.ts";

/** A header of one field, which is passed over. */
const HEADER = [0x0a, 0x02, 0x18, 0x05];

describe("decodeHashKv()", () => {
  for (const { what, bytes, expected } of [
    {
      what: "a hash of 32 bits and a compaction",
      bytes: [...HEADER, 0x10, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x18, 0xac, 0x02],
      expected: { hash: 4294967295, compactRevision: 300n },
    },
    {
      what: "-1 where nothing was ever compacted",
      bytes: [0x10, 0x07, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      expected: { hash: 7, compactRevision: -1n },
    },
    { what: "fields that are left out as 0", bytes: HEADER, expected: { hash: 0, compactRevision: 0n } },
  ]) {
    it(`reads ${what}`, () => assert.deepEqual(decodeHashKv(Uint8Array.from(bytes)), expected));
  }

  for (const [what, bytes] of [
    ["an answer that is cut short", [0x10, 0xff]],
    ["a number without an end", [0x10, ...Array<number>(12).fill(0xff)]],
    ["a field of another type", [0x15, 0, 0, 0, 0]],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => decodeHashKv(Uint8Array.from(bytes)), RangeError));
  }
});
