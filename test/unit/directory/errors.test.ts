import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { storeError } from "../../../src/directory/errors.ts";
import { BackupError, type ErrorCode } from "../../../src/errors.ts";

const attempt = { verb: "write", target: "file:///d/f" };

describe("storeError()", () => {
  const cases: readonly (readonly [errno: string, code: ErrorCode])[] = [
    ["ENOSPC", "STORE_FULL"],
    ["EDQUOT", "STORE_FULL"],
    ["EFBIG", "STORE_FULL"],
    ["EACCES", "STORE_REFUSED"],
    ["EPERM", "STORE_REFUSED"],
    ["EROFS", "STORE_REFUSED"],
    ["ELOOP", "STORE_REFUSED"],
    ["ENOTDIR", "STORE_REFUSED"],
    ["ENAMETOOLONG", "STORE_REFUSED"],
    ["EIO", "STORE_UNAVAILABLE"],
    ["ESTALE", "STORE_UNAVAILABLE"],
  ];
  for (const [errno, code] of cases) {
    test(`makes ${code} of ${errno}, with a hint`, () => {
      const cause = Object.assign(new Error(`${errno}: in detail`), { code: errno });

      const error = storeError(attempt, cause);

      assert.equal(error.code, code);
      assert.match(error.message, /^Cannot write "file:\/\/\/d\/f": .*[^.]$/);
      assert.match(error.hint ?? "", /^[A-Z].*[^.]$/);
      assert.equal(error.cause, cause);
    });
  }

  test("leaves an error alone that operators can read already", () => {
    const error = new BackupError("STORE_CONFLICT", "Cannot create");

    assert.equal(storeError(attempt, error), error);
  });
});
