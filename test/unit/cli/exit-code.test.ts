import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { exitCodeOf } from "../../../src/cli/exit-code.ts";
import { BackupError, type ErrorCode } from "../../../src/errors.ts";

describe("exitCodeOf()", () => {
  const table: readonly (readonly [number, readonly ErrorCode[]])[] = [
    [1, ["DOCTOR_FAILED"]],
    [2, ["USAGE"]],
    [3, ["FOLLOW_UP_FAILED"]],
    [10, ["CONFIG_INVALID", "IDENTITY_MISMATCH"]],
    [11, ["CREDENTIALS_MISSING", "CREDENTIALS_INVALID", "CREDENTIALS_REJECTED"]],
    [12, ["ETCD_UNAVAILABLE", "ETCD_REFUSED", "ETCD_STREAM_BROKEN", "ETCD_HELD_TOO_LONG"]],
    [13, ["STORE_UNAVAILABLE", "STORE_REFUSED", "STORE_FULL", "STORE_CONFLICT", "COPY_MISSING"]],
    [14, ["SNAPSHOT_NOT_FOUND"]],
    [15, ["SNAPSHOT_CORRUPT", "SNAPSHOT_SUSPECT"]],
    [16, ["ALREADY_RUNNING"]],
    [130, ["INTERRUPTED"]],
  ];
  for (const [status, codes] of table) {
    it(`is ${status} for ${codes.join(", ")}`, () => {
      for (const code of codes) assert.equal(exitCodeOf(new BackupError(code, "Cannot")), status);
    });
  }

  it("is 1 for what is no BackupError: that is a bug", () => {
    for (const bug of [new TypeError("x"), "x", undefined]) assert.equal(exitCodeOf(bug), 1);
  });
});
