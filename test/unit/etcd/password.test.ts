import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isBackupError } from "../../../src/errors.ts";
import { readUser } from "../../../src/etcd/password.ts";
import { tempDir } from "../../support/temp-dir.ts";

const { signal } = new AbortController();
const none = { username: "", password: "", passwordFile: "" };

describe("readUser()", () => {
  it("is undefined when no user is configured", async () => {
    assert.equal(await readUser(none, signal), undefined);
  });

  it("takes the password from the configuration", async () => {
    assert.deepEqual(await readUser({ ...none, username: "a", password: "b" }, signal), { name: "a", password: "b" });
  });

  it("reads the file each time, without the line's end", async () => {
    await using directory = await tempDir();
    const passwordFile = join(directory.path, "password");
    for (const [content, password] of [
      ["first", "first"],
      [" second \n", " second "],
      ["third\r\n", "third"],
    ] as const) {
      await writeFile(passwordFile, content);
      assert.deepEqual(await readUser({ ...none, username: "a", passwordFile }, signal), { name: "a", password });
    }
  });

  it("says ETCD_UNAVAILABLE when the file is missing, since it may come back", async () => {
    await using directory = await tempDir();
    const passwordFile = join(directory.path, "password");
    await rm(passwordFile, { force: true });
    await assert.rejects(readUser({ ...none, username: "a", passwordFile }, signal), (error) =>
      isBackupError(error, "ETCD_UNAVAILABLE"),
    );
  });
});
