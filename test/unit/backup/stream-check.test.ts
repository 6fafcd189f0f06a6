import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StreamCheck } from "../../../src/backup/stream-check.ts";
import { isBackupError } from "../../../src/errors.ts";
import { FakeSource } from "../../support/fake-source.ts";

const snapshot = new FakeSource().snapshot();

function check(bytes: Uint8Array, sliceSize = bytes.length): StreamCheck {
  const checked = new StreamCheck(snapshot.length);
  for (let at = 0; at < bytes.length; at += sliceSize) checked.write(bytes.subarray(at, at + sliceSize));
  return checked;
}

describe("StreamCheck", () => {
  for (const sliceSize of [1, 31, 1000, snapshot.length]) {
    it(`finish() gives etcd's digest and the revision of slices of ${sliceSize} bytes`, () => {
      const { sha256, revision } = check(snapshot, sliceSize).finish();

      assert.deepEqual([sha256, revision], [snapshot.subarray(-32).toString("hex"), 100n]);
    });
  }

  it("finish() gives the storage version that stands in the snapshot", () => {
    const { storageVersion } = check(snapshot).finish();
    const newer = Object.assign(new FakeSource(), { storageVersion: "3.6.0" }).snapshot();
    const checked = new StreamCheck(newer.length);
    checked.write(newer);

    assert.deepEqual([storageVersion, checked.finish().storageVersion], ["", "3.6.0"]);
  });

  for (const [what, bytes, message] of [
    ["a byte is missing", snapshot.subarray(0, -1), /1 less than announced/],
    ["a byte is too many", Buffer.concat([snapshot, Buffer.alloc(1)]), /1 more than announced/],
    ["the digest is missing", snapshot.subarray(0, -32), /32 less than announced/],
    ["a byte has changed", Buffer.from(snapshot).fill(~(snapshot[4100] ?? 0), 4100, 4101), /etcd's digest says/],
    [
      "the digest has changed",
      Buffer.from(snapshot).fill(~(snapshot.at(-1) ?? 0), snapshot.length - 1),
      /etcd's digest says/,
    ],
  ] as const) {
    it(`finish() says SNAPSHOT_CORRUPT when ${what}`, () => {
      const checked = check(bytes, 1000);

      assert.throws(
        () => checked.finish(),
        (error) => isBackupError(error, "SNAPSHOT_CORRUPT") && message.test(error.message),
      );
    });
  }
});
