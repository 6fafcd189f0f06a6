import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileOf, isUploadId, parseTemporaryName, splitPrefix, temporaryOf } from "../../../src/directory/paths.ts";
import { isBackupError } from "../../../src/errors.ts";

describe("fileOf()", () => {
  test("puts a key below the root", () => {
    assert.equal(fileOf("/d", "c/snapshots/ark-cp_1-2026.zst"), "/d/c/snapshots/ark-cp_1-2026.zst");
  });

  for (const key of [
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    ".",
    "..",
    "../a",
    "a/../../b",
    "a/./b",
    "a\\b/c d",
    "a\u0000",
    "a~b",
    "ä",
  ]) {
    test(`refuses ${JSON.stringify(key)}`, () => {
      assert.throws(
        () => fileOf("/d", key),
        (error) => isBackupError(error, "STORE_REFUSED"),
      );
    });
  }
});

describe("splitPrefix()", () => {
  test("parts the directory from what the names begin with", () => {
    assert.deepEqual(splitPrefix("/d", ""), { directory: "/d", folder: "", rest: "" });
    assert.deepEqual(splitPrefix("/d", "a/b/"), { directory: "/d/a/b", folder: "a/b/", rest: "" });
    assert.deepEqual(splitPrefix("/d", "a/b"), { directory: "/d/a", folder: "a/", rest: "b" });
  });

  test("refuses to leave the root", () => {
    for (const prefix of ["../", "a/../../", "/etc/"]) {
      assert.throws(
        () => splitPrefix("/d", prefix),
        (error) => isBackupError(error, "STORE_REFUSED"),
        prefix,
      );
    }
  });
});

describe("temporaryOf()", () => {
  test("names a hidden file that no key can mean, and that parseTemporaryName() reads back", () => {
    const uploadId = "1767571200000-0123456789ab";

    assert.equal(temporaryOf("/d/c/name.json", uploadId), `/d/c/.name.json~${uploadId}`);
    assert.deepEqual(parseTemporaryName(`.name.json~${uploadId}`), {
      name: "name.json",
      uploadId,
      startedAt: 1767571200000,
    });
  });

  test("is not what any other file is taken for", () => {
    for (const name of [
      ".name",
      "name~1-0123456789ab",
      ".name~",
      ".name~x",
      ".a~b~1-0123456789ab",
      ".spool~0123456789ab",
    ]) {
      assert.equal(parseTemporaryName(name), undefined, name);
    }
    assert.ok(!isUploadId("../x"));
    assert.ok(!isUploadId("1-0123456789ab/../../x"));
  });
});
