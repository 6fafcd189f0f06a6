import assert from "node:assert/strict";
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createDirectoryStore } from "../../../src/directory/directory-store.ts";
import { DirectoryWriter } from "../../../src/directory/directory-writer.ts";
import { Disk } from "../../../src/directory/disk.ts";
import { isBackupError } from "../../../src/errors.ts";
import type { ObjectStore } from "../../../src/ports/object-store.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const { signal } = new AbortController();
const NONE = { expectedSize: 0, metadata: {} };
const MiB = 2 ** 20;
const isFull = (error: unknown): boolean => isBackupError(error, "STORE_FULL");

describe("DirectoryWriter", () => {
  test("is not begun when what is expected would leave too little free", async () => {
    await using lab = await makeLab();

    await assert.rejects(lab.store.open("c/s", { ...NONE, expectedSize: 1e18 }, signal), isFull);

    assert.deepEqual(await readdir(lab.root), []);
  });

  test("fails before it fills the disk when the size turns out to be too much", async () => {
    await using lab = await makeLab();
    {
      await using writer = await lab.store.open("c/s", NONE, signal);
      writer.expect(1e18);
      await writer.write(new Uint8Array(1));

      await assert.rejects(writer.complete(), isFull);
      await assert.rejects(async () => await writer.write(new Uint8Array(1)), isFull);
    }

    assert.deepEqual(await readdir(lab.root), []);
  });

  test("looks at free space again after each 64 MiB, for what is still to come", async () => {
    await using lab = await makeLab();
    const asked: number[] = [];
    await using writer = await writerTo(join(lab.root, "../file"), async (bytes) => void asked.push(bytes / MiB));
    writer.expect(140 * MiB);
    const chunk = new Uint8Array(4 * MiB);

    for (let count = 0; count < 35; count++) await writer.write(chunk);
    await writer.write(new Uint8Array(1));
    await writer.complete().catch(() => undefined);

    assert.equal(asked.length, 3);
    assert.equal(asked[0], 140);
    assert.ok(between(asked[1], 140 - 64 - 12, 140 - 64), `${asked[1]}`);
    assert.ok(between(asked[2], 140 - 128 - 24, 140 - 128), `${asked[2]}`);
  });

  test("rejects with STORE_FULL when the disk says so, to who waits and who completes", async () => {
    await using writer = await writerTo("/dev/full", async () => undefined);

    const writing = async () => {
      for (let count = 0; count < 100; count++) await writer.write(new Uint8Array(MiB));
    };

    await assert.rejects(writing, isFull);
    await assert.rejects(writer.complete(), isFull);
  });

  test("lets its caller run 4 MiB ahead of the disk, and no further", async () => {
    await using lab = await makeLab();
    await using writer = await lab.store.open("c/s", NONE, signal);

    // Nothing is on its way to the disk until the caller gives way.
    assert.equal(writer.write(new Uint8Array(MiB)), undefined);
    for (let count = 0; count < 4; count++) assert.equal(writer.write(new Uint8Array(MiB)), undefined);
    const wait = writer.write(new Uint8Array(1));

    assert.ok(wait instanceof Promise);
    await wait;
    assert.equal((await writer.complete()).size, 5 * MiB + 1);
  });

  test("never writes over an object: the second of two writers is refused and leaves nothing", async () => {
    await using lab = await makeLab();
    await using first = await lab.store.open("c/s", NONE, signal);
    {
      await using second = await lab.store.open("c/s", NONE, signal);
      await first.write(new TextEncoder().encode("first"));
      await second.write(new TextEncoder().encode("second"));
      await first.complete();

      await assert.rejects(second.complete(), (error) => isBackupError(error, "STORE_CONFLICT"));
    }

    assert.equal(await readFile(join(lab.root, "c/s"), "utf8"), "first");
    assert.deepEqual(await readdir(join(lab.root, "c")), ["s"]);
  });

  test("does not say that an object is stored whose bytes are not all there", async () => {
    await using lab = await makeLab();
    await using writer = await writerTo(join(lab.root, "../file"), async () => undefined, 3);
    await writer.write(new Uint8Array(4));

    await assert.rejects(writer.complete(), (error) => isBackupError(error, "STORE_UNAVAILABLE"));
  });
});

function between(value = Number.NaN, low = 0, high = 0): boolean {
  return value >= low && value <= high;
}

/** A writer to a file of the test's choice, which is then found to have `size` bytes. */
async function writerTo(path: string, reserve: (bytes: number) => Promise<void>, size = 0): Promise<DirectoryWriter> {
  const handle = await open(path, "w");
  return new DirectoryWriter({
    disk: new Disk(new FakeClock()),
    file: { handle, path, target: `${path}.target` },
    url: "file:///test",
    signal,
    reserve,
    discard: () => handle.close().catch(() => undefined),
    describe: async () => ({ key: "k", size, storedAt: 0 }),
  });
}

async function makeLab(): Promise<AsyncDisposable & { readonly root: string; readonly store: ObjectStore }> {
  const temporary = await tempDir();
  const root = join(temporary.path, "ark");
  return {
    root,
    store: createDirectoryStore({ path: root, minFree: "0%", clock: new FakeClock() }),
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
}
