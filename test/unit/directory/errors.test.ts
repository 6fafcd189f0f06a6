import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { storeError } from "../../../src/directory/errors.ts";
import { BackupError, type ErrorCode } from "../../../src/errors.ts";

const attempt = { verb: "write", target: "file:///d/f" };

describe("storeError()", () => {
  const cases: readonly (readonly [errno: string, code: ErrorCode, hasHint: boolean])[] = [
    ["ENOSPC", "STORE_FULL", true],
    ["EDQUOT", "STORE_FULL", true],
    ["EFBIG", "STORE_FULL", true],
    ["EACCES", "STORE_REFUSED", true],
    ["EPERM", "STORE_REFUSED", true],
    ["EROFS", "STORE_REFUSED", true],
    ["ELOOP", "STORE_REFUSED", true],
    ["ENOTDIR", "STORE_REFUSED", true],
    ["ENAMETOOLONG", "STORE_REFUSED", true],
    ["EIO", "STORE_UNAVAILABLE", false],
    ["ESTALE", "STORE_UNAVAILABLE", false],
  ];
  for (const [errno, code, hasHint] of cases) {
    test(`makes ${code} of ${errno}${hasHint ? ", with a hint" : ""}`, () => {
      const cause = Object.assign(new Error(`${errno}: in detail`), { code: errno });

      const error = storeError(attempt, cause);

      assert.equal(error.code, code);
      assert.match(error.message, /^Cannot write "file:\/\/\/d\/f": .*[^.]$/);
      assert.equal(error.hint !== undefined, hasHint);
      assert.equal(error.cause, cause);
    });
  }

  test("leaves an error alone that operators can read already", () => {
    const error = new BackupError("STORE_CONFLICT", "Cannot create");

    assert.equal(storeError(attempt, error), error);
  });
});
