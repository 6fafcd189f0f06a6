import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { KeyValueReader } from "../../../src/mvcc/key-value.ts";
import { readRevisionKey } from "../../../src/mvcc/revision-key.ts";
import { revisionKey } from "../bolt/bolt-file.ts";
import { encodeKeyValue } from "./model-store.ts";

const exact = fc.bigInt({ min: 0n, max: 2n ** 53n - 1n });
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

function read(value: Buffer, { start = 0, end = value.length } = {}) {
  const reader = new KeyValueReader();
  return reader.read(value, start, end) ? reader : undefined;
}

describe("KeyValueReader", () => {
  it("read() gives the fields that were encoded, wherever the row lies", () => {
    const reader = new KeyValueReader();
    const lease = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    const fields = fc.record({
      key: bytes,
      createRevision: exact,
      modRevision: exact,
      version: exact,
      value: bytes,
      lease,
    });
    fc.assert(
      fc.property(fields, fc.nat(9), (row, offset) => {
        const encoded = Buffer.concat([Buffer.alloc(offset, 0xff), encodeKeyValue(row), Buffer.alloc(9, 0xff)]);
        assert.ok(reader.read(encoded, offset, encoded.length - 9));
        assert.deepEqual(encoded.subarray(reader.keyStart, reader.keyEnd), row.key);
        assert.deepEqual(
          [reader.createRevision, reader.modRevision, reader.version, reader.lease],
          [Number(row.createRevision), Number(row.modRevision), Number(row.version), row.lease],
        );
      }),
    );
  });

  it("read() takes nothing for a KeyValue that is cut short", () => {
    const value = encodeKeyValue({
      key: Buffer.from("key"),
      modRevision: 300n,
      value: Buffer.from("value"),
      lease: 5n,
    });
    const whole = [0, 5, 8, 15, 17];
    for (let end = 0; end <= value.length; end++) {
      assert.equal(read(value, { end }) !== undefined, whole.includes(end), `${end} bytes`);
    }
  });

  for (const { what, value } of [
    { what: "another field", value: Buffer.from([0x38, 1]) },
    { what: "a field of another type", value: Buffer.from([0x11, 0, 0, 0, 0, 0, 0, 0, 0]) },
    { what: "a gigantic length", value: Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]) },
    {
      what: "a number of eleven bytes",
      value: Buffer.concat([Buffer.from([0x20]), Buffer.alloc(10, 0xff), Buffer.from([1])]),
    },
  ]) {
    it(`read() takes nothing for a KeyValue with ${what}`, () => {
      assert.equal(read(value), undefined);
    });
  }

  it("read() ends, whatever the bytes are", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (garbage) => void read(Buffer.from(garbage))));
  });
});

describe("readRevisionKey()", () => {
  it("reads what etcd writes", () => {
    fc.assert(
      fc.property(exact, exact, fc.boolean(), (main, sub, isTombstone) => {
        const key = Buffer.concat([revisionKey(main, sub), Buffer.from(isTombstone ? "t" : "")]);
        const expected = { main: Number(main), sub: Number(sub), isTombstone };
        assert.deepEqual(readRevisionKey({ bytes: key, start: 0, end: key.length }), expected);
      }),
    );
  });

  it("takes nothing else for a revision", () => {
    const key = revisionKey(5n);
    const dashed = Buffer.from(key);
    dashed.write("-", 8);
    for (const bytes of [Buffer.alloc(0), key.subarray(1), dashed, Buffer.concat([key, Buffer.from("x")])]) {
      assert.equal(readRevisionKey({ bytes, start: 0, end: bytes.length }), undefined);
    }
  });
});
