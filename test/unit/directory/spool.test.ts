import assert from "node:assert/strict";
import { readdir, readlink, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createSpool } from "../../../src/directory/spool.ts";
import { isBackupError } from "../../../src/errors.ts";
import type { Spool } from "../../../src/ports/spool.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const { signal } = new AbortController();

describe("createSpool()", () => {
  test("makes none without a path", () => {
    for (const path of ["", "none"]) {
      assert.equal(createSpool({ path, maxSize: 100, clock: new FakeClock() }), undefined);
    }
  });

  test("gives back what was appended in order, round and round its file", async () => {
    await using temporary = await tempDir();
    const spool = spoolIn(temporary.path, 64);
    const step = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 50 }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await using queue = await spool.open(signal);
        let expected = Buffer.alloc(0);
        for (const each of steps) {
          if (typeof each === "number") {
            const taken = await queue.take(each);
            assert.deepEqual(Buffer.from(taken), expected.subarray(0, taken.byteLength));
            assert.equal(taken.byteLength > 0, expected.byteLength > 0);
            expected = expected.subarray(taken.byteLength);
          } else if (each.byteLength <= queue.room) {
            await queue.append(each);
            expected = Buffer.concat([expected, each]);
          }
          assert.deepEqual([queue.size, queue.room], [expected.byteLength, 64 - expected.byteLength]);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("parts what lies across the end of its file", async () => {
    await using temporary = await tempDir();
    await using queue = await spoolIn(temporary.path, 4).open(signal);
    await queue.append(Uint8Array.of(1, 2, 3));
    await queue.take(2);
    await queue.append(Uint8Array.of(4, 5, 6));

    assert.equal(queue.room, 0);
    assert.deepEqual([...(await queue.take(10)), ...(await queue.take(10))], [3, 4, 5, 6]);
  });

  test("lets one append while another takes", async () => {
    await using temporary = await tempDir();
    await using queue = await spoolIn(temporary.path, 1000).open(signal);
    await queue.append(Uint8Array.of(1, 2));

    const [taken] = await Promise.all([queue.take(10), queue.append(Uint8Array.of(3))]);

    assert.deepEqual([...taken], [1, 2]);
    assert.deepEqual([...(await queue.take(10))], [3]);
  });

  test("refuses what does not fit with STORE_FULL, and keeps what it has", async () => {
    await using temporary = await tempDir();
    await using queue = await spoolIn(temporary.path, 4).open(signal);
    await queue.append(Uint8Array.of(1, 2, 3));

    await assert.rejects(queue.append(Uint8Array.of(4, 5)), (error) => isBackupError(error, "STORE_FULL"));

    assert.deepEqual([...(await queue.take(10))], [1, 2, 3]);
  });

  test("leaves no name in the directory, and nobody else may read the file", async () => {
    await using temporary = await tempDir();
    const directory = join(temporary.path, "spool");
    await using queue = await spoolIn(directory, 100).open(signal);
    await queue.append(Uint8Array.of(1));

    assert.deepEqual(await readdir(directory), []);
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    const file = await openFileIn(directory);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(file)).nlink, 0);
  });

  test("frees the file when disposed of", async () => {
    await using temporary = await tempDir();
    {
      await using _queue = await spoolIn(temporary.path, 100).open(signal);
      await openFileIn(temporary.path);
    }

    await assert.rejects(openFileIn(temporary.path));
  });

  test("leaves a fifth of the file system free when it has no bound of its own", async () => {
    await using temporary = await tempDir();
    const { bavail, blocks, bsize } = await statfs(temporary.path);

    await using queue = await spoolIn(temporary.path, 0).open(signal);

    const expected = Math.max(0, bavail - blocks / 5) * bsize;
    assert.ok(Math.abs(queue.room - expected) < blocks * bsize * 0.02);
  });

  test("says which path cannot be used", async () => {
    await using temporary = await tempDir();
    const path = join(temporary.path, "file", "spool");
    await writeFile(join(temporary.path, "file"), "");

    await assert.rejects(
      spoolIn(path, 100).open(signal),
      (error) => isBackupError(error, "STORE_REFUSED") && error.message.includes(`"${path}"`),
    );
  });
});

function spoolIn(path: string, maxSize: number): Spool {
  const spool = createSpool({ path, maxSize, clock: new FakeClock() });
  assert.ok(spool);
  return spool;
}

/** The link in /proc to this process's open file below the directory. */
async function openFileIn(directory: string): Promise<string> {
  for (const descriptor of await readdir("/proc/self/fd")) {
    const path = `/proc/self/fd/${descriptor}`;
    const target = await readlink(path).catch(() => "");
    if (target.startsWith(join(directory, ".spool~"))) return path;
  }
  throw new Error(`no open file in ${directory}`);
}
