import assert from "node:assert/strict";
import { statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, test } from "node:test";
import { parseMinFree, refuseBelow } from "../../../src/directory/free-space.ts";
import { isBackupError } from "../../../src/errors.ts";

describe("parseMinFree()", () => {
  test("reads shares and sizes", () => {
    assert.deepEqual(parseMinFree("20%"), { share: 0.2 });
    assert.deepEqual(parseMinFree("0 %"), { share: 0 });
    assert.deepEqual(parseMinFree("10GiB"), { bytes: 10 * 2 ** 30 });
    assert.deepEqual(parseMinFree("0"), { bytes: 0 });
  });

  for (const text of ["", "100%", "-1%", "20 percent", "%", "10GB", "1e3"]) {
    test(`refuses "${text}"`, () => {
      assert.throws(
        () => parseMinFree(text),
        (error) => isBackupError(error, "CONFIG_INVALID") && error.hint !== undefined,
      );
    });
  }
});

describe("refuseBelow()", () => {
  const where = { path: tmpdir(), url: "file:///d/f" };
  const isFull = (error: unknown) => isBackupError(error, "STORE_FULL") && error.hint !== undefined;

  test("lets through what leaves enough", async () => {
    const { bavail, bsize } = await statfs(tmpdir());

    await refuseBelow({ share: 0 }, { ...where, bytes: 1 });
    await refuseBelow({ bytes: 1 }, { ...where, bytes: Math.floor((bavail * bsize) / 2) });
  });

  test("refuses with STORE_FULL what would leave less than the size or the share", async () => {
    const { bavail, blocks, bsize } = await statfs(tmpdir());
    const usedShare = 1 - bavail / blocks;

    await assert.rejects(refuseBelow({ bytes: 0 }, { ...where, bytes: 2 * bavail * bsize }), isFull);
    await assert.rejects(refuseBelow({ bytes: 2 * bavail * bsize }, { ...where, bytes: 0 }), isFull);
    await assert.rejects(refuseBelow({ share: 1 - usedShare / 2 }, { ...where, bytes: 0 }), isFull);
    await assert.rejects(
      refuseBelow({ share: 0.01 }, { ...where, bytes: Math.ceil((bavail - blocks * 0.005) * bsize) }),
      isFull,
    );
  });
});
