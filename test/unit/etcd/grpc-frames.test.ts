import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isBackupError } from "../../../src/errors.ts";
import { SnapshotFrames } from "../../../src/etcd/grpc-frames.ts";
import { frame, snapshotMessages } from "./snapshot-messages.ts";

describe("SnapshotFrames", () => {
  it("hands on every byte in order, wherever the stream is cut", () => {
    const database = fc.uint8Array({ maxLength: 600 });
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    fc.assert(
      fc.property(database, fc.integer({ min: 1, max: 300 }), cuts, (bytes, messageSize, sizes) => {
        const { frames, blobs } = read(Buffer.concat(snapshotMessages(bytes, { messageSize })), sizes);

        assert.deepEqual(blobs.subarray(0, bytes.length), Buffer.from(bytes));
        assert.equal(blobs.length, bytes.length + 32);
        assert.equal(frames.snapshotSize, blobs.length);
        assert.equal(frames.received, blobs.length);
        assert.equal(frames.isComplete, true);
      }),
    );
  });

  it("is not complete anywhere before the end", () => {
    const stream = Buffer.concat(snapshotMessages(Buffer.alloc(300, 1), { messageSize: 100 }));
    for (let end = 0; end < stream.length; end++) {
      assert.equal(read(stream.subarray(0, end), [1000]).frames.isComplete, false, `cut at ${end}`);
    }
  });

  it("knows the size once the first message is complete", () => {
    const [first = Buffer.alloc(0)] = snapshotMessages(Buffer.alloc(300, 1), { messageSize: 100 });
    assert.equal(read(first.subarray(0, -1), [1000]).frames.snapshotSize, undefined);
    assert.equal(read(first, [1000]).frames.snapshotSize, 332);
  });

  it("copies nothing", () => {
    const stream = Buffer.concat(snapshotMessages(Buffer.alloc(300, 1), { messageSize: 300 }));
    const blobs: Uint8Array[] = [];
    new SnapshotFrames().push(stream, blobs);
    assert.ok(blobs.every((blob) => blob.buffer === stream.buffer));
  });

  it("passes over fields that it does not know, of every wire type", () => {
    const unknown = Buffer.from([0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2d, 1, 2, 3, 4, 0x30, 0xff, 0x01, 0x3a, 2, 9, 9]);
    const stream = Buffer.concat([frame(Buffer.concat([unknown, Buffer.from([0x1a, 1, 7])])), digest]);
    assert.deepEqual(read(stream, [3]).blobs, Buffer.concat([Buffer.from([7]), Buffer.alloc(32, 5)]));
  });

  for (const { name, bytes } of [
    { name: "is compressed", bytes: Buffer.from([1, 0, 0, 0, 0]) },
    { name: "ends within a number", bytes: frame(Buffer.from([0x10, 0x80])) },
    { name: "ends before a field's value", bytes: frame(Buffer.from([0x10])) },
    { name: "has a field longer than itself", bytes: frame(Buffer.from([0x1a, 9, 1])) },
    { name: "has a number without end", bytes: frame(Buffer.alloc(30, 0x80)) },
    { name: "has a wire type that there is not", bytes: frame(Buffer.from([0x1f, 0])) },
    {
      name: "leaves bytes out",
      bytes: Buffer.concat(snapshotMessages(Buffer.alloc(300), { messageSize: 100 }).toSpliced(1, 1)),
    },
    {
      name: "comes twice",
      bytes: Buffer.concat([...snapshotMessages(Buffer.alloc(9), { messageSize: 9 }), digestOf(32)]),
    },
  ]) {
    it(`push() says ETCD_STREAM_BROKEN when a message ${name}`, () => {
      assert.throws(
        () => read(bytes, [2]),
        (error) => isBackupError(error, "ETCD_STREAM_BROKEN"),
      );
    });
  }

  it("push() ends with blobs or with ETCD_STREAM_BROKEN, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          read(Buffer.from(bytes), [7]);
        } catch (error) {
          assert.ok(isBackupError(error, "ETCD_STREAM_BROKEN"), String(error));
        }
      }),
    );
  });
});

const digest = digestOf(32);

function digestOf(size: number): Buffer {
  return frame(Buffer.concat([Buffer.from([0x1a, size]), Buffer.alloc(size, 5)]));
}

function read(stream: Buffer, sizes: readonly number[]): { frames: SnapshotFrames; blobs: Buffer } {
  const frames = new SnapshotFrames();
  const blobs: Uint8Array[] = [];
  for (let offset = 0, turn = 0; offset < stream.length; turn++) {
    const end = offset + (sizes[turn % sizes.length] ?? 1);
    frames.push(stream.subarray(offset, end), blobs);
    offset = end;
  }
  return { frames, blobs: Buffer.concat(blobs) };
}
