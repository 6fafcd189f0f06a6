import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe } from "node:test";
import { type ErrorCode, isBackupError } from "../../src/errors.ts";
import type { ObjectStore, ObjectWriter } from "../../src/ports/object-store.ts";

/** An empty store of its own for one test. */
export interface StoreUnderTest extends AsyncDisposable {
  readonly store: ObjectStore;
}

/** What the suite needs to know of a store. */
export interface Implementation {
  makeStore(): Promise<StoreUnderTest>;
  /** Calls node:test's `test` in the test file itself, since `npm test` counts a file's tests by where that is done. */
  register(title: string, body: () => Promise<void>): void;
  /** Whether `head` gives back user metadata. */
  readonly keepsMetadata: boolean;
  /** Whether an object that was begun shows in `listUnfinished` before its first part is full. */
  readonly showsSmallUploads: boolean;
}

const NONE = { expectedSize: 0, metadata: {} };
const MiB = 2 ** 20;
const PART = 8 * MiB;

/** What every `ObjectStore` does, whatever is behind it: the sentences of the port as tests. */
export function objectStoreContract(name: string, implementation: Implementation): void {
  const check = (title: string, body: (store: ObjectStore, signal: AbortSignal) => Promise<void>): void => {
    implementation.register(title, async () => {
      await using made = await implementation.makeStore();
      await body(made.store, new AbortController().signal);
    });
  };

  describe(`ObjectStore contract: ${name}`, () => {
    describe("create()", () => {
      check("stores what get() gives back", async (store, signal) => {
        const { outcome, object } = await store.create("c/runs/a.json", bytes("one"), signal);

        assert.equal(outcome, "created");
        assert.deepEqual([object.key, object.size], ["c/runs/a.json", 3]);
        assert.equal(text(await store.get("c/runs/a.json", signal)), "one");
      });

      check("succeeds as identical when the very same bytes are there", async (store, signal) => {
        await store.create("c/a.json", bytes("one"), signal);

        const again = await store.create("c/a.json", bytes("one"), signal);

        assert.equal(again.outcome, "identical");
        assert.deepEqual([again.object.key, again.object.size], ["c/a.json", 3]);
      });

      check("rejects with STORE_CONFLICT and changes nothing when something else is there", async (store, signal) => {
        await store.create("c/a.json", bytes("one"), signal);

        await rejectsWith("STORE_CONFLICT", store.create("c/a.json", bytes("two"), signal));
        await rejectsWith("STORE_CONFLICT", store.create("c/a.json", bytes("on"), signal));

        assert.equal(text(await store.get("c/a.json", signal)), "one");
      });

      check("lets exactly one of eight creators win", async (store, signal) => {
        const bodies = Array.from({ length: 8 }, (_, index) => `creator ${index}`);

        const settled = await Promise.allSettled(bodies.map((body) => store.create("c/id.json", bytes(body), signal)));

        const won = bodies.filter((_, index) => settled[index]?.status === "fulfilled");
        assert.equal(won.length, 1);
        assert.equal(text(await store.get("c/id.json", signal)), won[0]);
        for (const result of settled) {
          if (result.status === "rejected")
            assert.ok(isBackupError(result.reason, "STORE_CONFLICT"), `${result.reason}`);
        }
      });

      check("takes an empty body", async (store, signal) => {
        await store.create("c/empty", bytes(""), signal);

        assert.equal((await store.get("c/empty", signal))?.byteLength, 0);
        assert.equal((await store.create("c/empty", bytes(""), signal)).outcome, "identical");
      });
    });

    describe("replace()", () => {
      check("writes where nothing was, and over what was there", async (store, signal) => {
        await store.replace("c/RUNBOOK.txt", bytes("first, and longer"), signal);
        const object = await store.replace("c/RUNBOOK.txt", bytes("second"), signal);

        assert.deepEqual([object.key, object.size], ["c/RUNBOOK.txt", 6]);
        assert.equal(text(await store.get("c/RUNBOOK.txt", signal)), "second");
      });
    });

    describe("open()", () => {
      for (const size of [0, 1, PART - 1, PART, PART + 1, 2 * PART - 1, 2 * PART, 2 * PART + 1]) {
        check(`stores an object of ${size} bytes that read() gives back`, async (store, signal) => {
          const body = randomBytes(size);
          await using writer = await store.open("c/snapshots/s", NONE, signal);
          writer.expect(size);

          await writeAll(writer, body, 1_000_003);
          const written = await writer.complete();

          assert.equal(written.key, "c/snapshots/s");
          assert.equal(written.size, size);
          assert.ok(written.parts >= 1);
          assert.equal(await digest(store.read("c/snapshots/s", undefined, signal)), sha256(body));
          assertSameMoment((await store.head("c/snapshots/s", signal))?.storedAt, written.storedAt);
        });
      }

      check("stores an object whose size nobody knew", async (store, signal) => {
        const body = randomBytes(PART + 12_345);
        await using writer = await store.open("c/snapshots/s", NONE, signal);

        await writeAll(writer, body, 65_536);
        await writer.complete();

        assert.equal(await digest(store.read("c/snapshots/s", undefined, signal)), sha256(body));
      });

      check("shows nothing of an object that is not complete", async (store, signal) => {
        await using writer = await store.open("c/snapshots/s", NONE, signal);
        await writeAll(writer, randomBytes(PART + 1), MiB);

        assert.equal(await store.head("c/snapshots/s", signal), undefined);
        assert.equal(await store.get("c/snapshots/s", signal), undefined);
        assert.deepEqual(await keys(store, "", signal), []);
        await rejectsWith("SNAPSHOT_NOT_FOUND", digest(store.read("c/snapshots/s", undefined, signal)));
      });

      for (const size of [3, PART + 1]) {
        check(
          `says that an object of ${size} bytes may exist once complete() has asked for it`,
          async (store, signal) => {
            const writer = await store.open("c/snapshots/s", { ...NONE, expectedSize: size }, signal);
            await writeAll(writer, randomBytes(size), MiB);
            assert.equal(writer.mayExist, false);

            await writer.complete();
            await writer[Symbol.asyncDispose]();

            assert.equal(writer.mayExist, true);
          },
        );

        check(
          `says that no object of ${size} bytes exists when complete() is aborted before`,
          async (store, signal) => {
            const stop = new AbortController();
            const writer = await store.open("c/snapshots/s", { ...NONE, expectedSize: size }, stop.signal);
            await writeAll(writer, randomBytes(size), MiB);
            stop.abort(new Error("stop"));

            await assert.rejects(writer.complete(), /stop/);
            await writer[Symbol.asyncDispose]();

            assert.equal(writer.mayExist, false);
            await assertEmpty(store, signal);
          },
        );
      }

      check("leaves nothing behind when disposed of without complete()", async (store, signal) => {
        {
          await using writer = await store.open("c/snapshots/s", NONE, signal);
          await writeAll(writer, randomBytes(PART + 1), MiB);
        }

        await assertEmpty(store, signal);
      });

      check("leaves nothing behind when disposed of without a byte", async (store, signal) => {
        const writer = await store.open("c/snapshots/s", NONE, signal);
        await writer[Symbol.asyncDispose]();
        await writer[Symbol.asyncDispose]();

        await assertEmpty(store, signal);
      });

      check("leaves nothing behind when its signal was aborted before disposal", async (store, signal) => {
        const run = new AbortController();
        const writer = await store.open("c/snapshots/s", NONE, run.signal);
        await writeAll(writer, randomBytes(PART + 1), MiB);
        run.abort(new Error("stop"));
        await writer[Symbol.asyncDispose]();

        await assertEmpty(store, signal);
      });

      check("keeps a completed object when disposed of afterwards", async (store, signal) => {
        {
          await using writer = await store.open("c/snapshots/s", NONE, signal);
          await writeAll(writer, bytes("body"), MiB);
          await writer.complete();
        }

        assert.equal(text(await store.get("c/snapshots/s", signal)), "body");
        assert.deepEqual(await Array.fromAsync(store.listUnfinished("", signal)), []);
      });

      check("rejects write() and complete() with the reason of an aborted signal", async (store) => {
        const run = new AbortController();
        await using writer = await store.open("c/snapshots/s", NONE, run.signal);
        const reason = new Error("stop");
        run.abort(reason);

        await assert.rejects(
          (async () => {
            await writeAll(writer, randomBytes(3 * PART), MiB);
            await writer.complete();
          })(),
          (error) => error === reason,
        );
      });

      check("keeps two writers apart", async (store, signal) => {
        await using one = await store.open("c/snapshots/1", NONE, signal);
        await using two = await store.open("c/snapshots/2", NONE, signal);
        await one.write(bytes("one"));
        await two.write(bytes("two"));
        await Promise.all([one.complete(), two.complete()]);

        assert.equal(text(await store.get("c/snapshots/1", signal)), "one");
        assert.equal(text(await store.get("c/snapshots/2", signal)), "two");
      });

      if (implementation.keepsMetadata) {
        check("keeps user metadata, in lower case, for head()", async (store, signal) => {
          const metadata = { uuid: "0-1", Node: "cp-1", tick: "2026-01-05T00:00:00.000Z" };
          await using writer = await store.open("c/snapshots/s", { expectedSize: 4, metadata }, signal);
          await writer.write(bytes("body"));
          await writer.complete();

          const { uuid, node, tick } = (await store.head("c/snapshots/s", signal))?.metadata ?? {};
          assert.deepEqual({ uuid, node, tick }, { uuid: "0-1", node: "cp-1", tick: "2026-01-05T00:00:00.000Z" });
        });
      }
    });

    describe("get(), head() and read()", () => {
      check("say undefined, or SNAPSHOT_NOT_FOUND, when there is nothing", async (store, signal) => {
        await store.create("c/a/b", bytes("x"), signal);

        for (const key of ["nothing", "c/a", "c/a/b/c", "c/a/bb"]) {
          assert.equal(await store.get(key, signal), undefined, key);
          assert.equal(await store.head(key, signal), undefined, key);
          await rejectsWith("SNAPSHOT_NOT_FOUND", digest(store.read(key, undefined, signal)));
        }
      });

      check("tell size and date as list() does", async (store, signal) => {
        await store.create("c/a", bytes("four"), signal);

        const head = await store.head("c/a", signal);
        const [listed] = await Array.fromAsync(store.list("c/", signal));

        assert.deepEqual([head?.key, head?.size], ["c/a", 4]);
        assert.deepEqual([listed?.key, listed?.size], ["c/a", 4]);
        assertSameMoment(head?.storedAt, listed?.storedAt);
        assert.ok(Math.abs(store.now() - (head?.storedAt ?? 0)) < 60_000);
      });

      const body = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
      for (const [start, end] of [
        [0, 0],
        [0, 299_999],
        [1, 131_072],
        [65_535, 65_536],
        [299_999, 299_999],
        [299_990, 400_000],
      ] as const) {
        check(`read() gives bytes ${start} to ${end}, both included`, async (store, signal) => {
          await store.create("c/a", body, signal);

          const read = await collect(store.read("c/a", { start, end }, signal));

          assert.equal(Buffer.compare(read, body.subarray(start, end + 1)), 0);
        });
      }
    });

    describe("list()", () => {
      check("gives every object below a prefix in byte order of keys", async (store, signal) => {
        const all = ["c/Z", "c/a-b", "c/a.b/x", "c/a/x", "c/a/y/z", "c/a0", "c/b", "d/a"];
        for (const key of all.toReversed()) await store.create(key, bytes(key), signal);

        assert.deepEqual(await keys(store, "", signal), all);
        assert.deepEqual(await keys(store, "c/", signal), all.slice(0, -1));
      });

      check("holds to the prefix: a/ does not give what is below ab/", async (store, signal) => {
        for (const key of ["a/1", "ab/2", "a.json"]) await store.create(key, bytes("x"), signal);

        assert.deepEqual(await keys(store, "a/", signal), ["a/1"]);
        assert.deepEqual(await keys(store, "a/1", signal), ["a/1"]);
        assert.deepEqual(await keys(store, "a", signal), ["a.json", "a/1", "ab/2"]);
      });

      check("gives nothing where nothing is", async (store, signal) => {
        assert.deepEqual(await keys(store, "", signal), []);
        assert.deepEqual(await keys(store, "no/such/", signal), []);
      });
    });

    describe("listFolders()", () => {
      check("names the folders directly below a prefix, once each", async (store, signal) => {
        for (const key of ["a/x/1", "a/x/2", "a/y/z/1", "ab/w/1", "a/file"])
          await store.create(key, bytes("x"), signal);

        assert.deepEqual(await Array.fromAsync(store.listFolders("", signal)), ["a", "ab"]);
        assert.deepEqual(await Array.fromAsync(store.listFolders("a/", signal)), ["x", "y"]);
        assert.deepEqual(await Array.fromAsync(store.listFolders("a/x/", signal)), []);
      });

      check("does not name a folder whose last object is gone", async (store, signal) => {
        await store.create("a/x/1", bytes("x"), signal);
        await store.delete("a/x/1", signal);

        assert.deepEqual(await Array.fromAsync(store.listFolders("", signal)), []);
      });
    });

    describe("delete()", () => {
      check("removes an object and leaves its neighbours", async (store, signal) => {
        for (const key of ["c/a", "c/ab"]) await store.create(key, bytes("x"), signal);

        assert.equal(await store.delete("c/a", signal), "deleted");

        assert.equal(await store.head("c/a", signal), undefined);
        assert.deepEqual(await keys(store, "", signal), ["c/ab"]);
      });

      check("says absent when there is nothing", async (store, signal) => {
        await store.create("c/a", bytes("x"), signal);
        await store.delete("c/a", signal);

        assert.equal(await store.delete("c/a", signal), "absent");
        assert.equal(await store.delete("no/such", signal), "absent");
      });

      check("makes room for a new object of that key", async (store, signal) => {
        await store.create("c/a", bytes("one"), signal);
        await store.delete("c/a", signal);

        assert.equal((await store.create("c/a", bytes("two"), signal)).outcome, "created");
      });
    });

    describe("listUnfinished() and abandon()", () => {
      check("find an upload that nobody finished, and free it", async (store, signal) => {
        const writer = await store.open("c/snapshots/s", NONE, signal);
        await writeAll(writer, randomBytes(implementation.showsSmallUploads ? 1 : 3 * PART), MiB);

        const [upload, ...others] = await Array.fromAsync(store.listUnfinished("c/snapshots/", signal));

        assert.ok(upload);
        assert.deepEqual(others, []);
        assert.equal(upload.key, "c/snapshots/s");
        assert.ok(Math.abs(store.now() - upload.startedAt) < 60_000);
        assert.equal((await Array.fromAsync(store.listUnfinished("c/snapshots/s", signal))).length, 1);
        assert.deepEqual(await Array.fromAsync(store.listUnfinished("c/snap/", signal)), []);

        await store.abandon(upload, signal);
        await store.abandon(upload, signal);

        await writer[Symbol.asyncDispose]();
        await assertEmpty(store, signal);
      });
    });

    check("every method rejects with the reason of a signal that is aborted already", async (store) => {
      const reason = new Error("stop");
      const signal = AbortSignal.abort(reason);
      const upload = { key: "c/a", uploadId: "0-000000000000", startedAt: 0 };
      const calls: Record<string, () => Promise<unknown>> = {
        open: () => store.open("c/a", NONE, signal),
        create: () => store.create("c/a", bytes("x"), signal),
        replace: () => store.replace("c/a", bytes("x"), signal),
        get: () => store.get("c/a", signal),
        read: () => digest(store.read("c/a", undefined, signal)),
        head: () => store.head("c/a", signal),
        list: () => Array.fromAsync(store.list("", signal)),
        listFolders: () => Array.fromAsync(store.listFolders("", signal)),
        delete: () => store.delete("c/a", signal),
        listUnfinished: () => Array.fromAsync(store.listUnfinished("", signal)),
        abandon: () => store.abandon(upload, signal),
      };
      for (const [method, call] of Object.entries(calls)) {
        await assert.rejects(call, (error) => error === reason, method);
      }
    });

    check("url() names the object, and with an empty key the store itself", async (store) => {
      assert.ok(store.url("c/a").endsWith("/c/a"), store.url("c/a"));
      assert.ok(store.url("c/a").startsWith(store.url("").replace(/\/$/, "")));
    });
  });
}

/** Writes `body` in pieces as a caller has to: waiting whenever it is told to. */
export async function writeAll(writer: ObjectWriter, body: Uint8Array, step: number): Promise<void> {
  for (let at = 0; at < body.byteLength; at += step) await writer.write(body.subarray(at, at + step));
}

async function assertEmpty(store: ObjectStore, signal: AbortSignal): Promise<void> {
  assert.deepEqual(await keys(store, "", signal), []);
  assert.deepEqual(await Array.fromAsync(store.listUnfinished("", signal)), []);
}

async function keys(store: ObjectStore, prefix: string, signal: AbortSignal): Promise<string[]> {
  return (await Array.fromAsync(store.list(prefix, signal))).map(({ key }) => key);
}

async function rejectsWith(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => isBackupError(error, code));
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks));
}

async function digest(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return sha256(await collect(chunks));
}

function sha256(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

/** Dates of one object agree to the second, which is all that S3 tells. */
function assertSameMoment(one = Number.NaN, other = Number.NaN): void {
  // One clock tells whole seconds, and the answer itself takes time.
  assert.ok(Math.abs(one - other) <= 2000, `${one} and ${other}`);
}

function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function text(body: Uint8Array | undefined): string | undefined {
  return body && new TextDecoder().decode(body);
}
