import assert from "node:assert/strict";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createDirectoryProbe } from "../../../src/directory/directory-probe.ts";
import { isBackupError } from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const { signal } = new AbortController();
const directory = await tempDir();
after(() => directory[Symbol.asyncDispose]());

const look = (path: string, minFree = "0%") =>
  createDirectoryProbe({ path, minFree, clock: new FakeClock() }).look(signal);

describe("createDirectoryProbe()", () => {
  it("tells mode and room of a directory", async () => {
    const path = join(directory.path, "there");
    await mkdir(path);
    await chmod(path, 0o750);
    const state = await look(path, "1MiB");
    assert.deepEqual([state.path, state.nearest, state.mode, state.isWritable], [path, path, 0o750, true]);
    assert.ok(state.freeBytes > 0);
    assert.equal(state.keepBytes, 2 ** 20);
  });

  it("tells the nearest one that is there, and makes none", async () => {
    const path = join(directory.path, "a", "b");
    assert.equal((await look(path)).nearest, directory.path);
    assert.equal((await look(path)).nearest, directory.path);
  });

  it("refuses a file in its place", async () => {
    const path = join(directory.path, "file");
    await writeFile(path, "");
    await assert.rejects(look(path), (error) => isBackupError(error, "STORE_REFUSED"));
  });
});
