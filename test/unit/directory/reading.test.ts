import assert from "node:assert/strict";
import { type FileHandle, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Disk } from "../../../src/directory/disk.ts";
import { openRegular } from "../../../src/directory/files.ts";
import { readRange } from "../../../src/directory/reading.ts";
import { isBackupError } from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const { signal } = new AbortController();

test("readRange() gives up after a minute when the mount is dead, and does not wait for its own close() either", async (t) => {
  await using file = await temporaryFile();
  const clock = new FakeClock();
  const asked = Promise.withResolvers<Pick<FileHandle, "close">>();
  t.mock.method(file.methods, "read", async function (this: FileHandle): Promise<never> {
    const { close } = this;
    asked.resolve({ close });
    this.close = () => new Promise<never>(() => {});
    return await new Promise<never>(() => {});
  });

  const range = { disk: new Disk(clock), path: file.path, url: "file:///d/f", range: undefined };
  let failure: unknown;
  Array.fromAsync(readRange(range, signal)).catch((error: unknown) => {
    failure = error;
  });
  const handle = await asked.promise;
  await clock.advance(60_000);

  assert.ok(isBackupError(failure, "STORE_UNAVAILABLE"));
  await handle.close();
});

test("openRegular() closes what it cannot look at", async (t) => {
  await using file = await temporaryFile();
  let looked: FileHandle | undefined;
  t.mock.method(file.methods, "stat", async function (this: FileHandle): Promise<never> {
    looked = this;
    throw new Error("EIO");
  });

  await assert.rejects(openRegular(file.path), /EIO/);

  assert.equal(looked?.fd, -1);
});

/** A file, and the methods that every open file has. */
async function temporaryFile(): Promise<AsyncDisposable & { readonly path: string; readonly methods: FileHandle }> {
  const directory = await tempDir();
  const path = join(directory.path, "f");
  await writeFile(path, "text");
  await using handle = await open(path);
  return {
    path,
    methods: Object.getPrototypeOf(handle),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
