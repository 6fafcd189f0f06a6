import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BackupError, isBackupError } from "../../../src/errors.ts";
import type { ObjectWriter } from "../../../src/ports/object-store.ts";
import type { SpoolQueue } from "../../../src/ports/spool.ts";
import { spooledWriter } from "../../../src/wrap/spooled-writer.ts";
import { Gate, GatedWriter, turnOver } from "./gated-writer.ts";

const MEMORY = 8;
const CHUNK = 6;
/** What the queue below gives at most. */
const TAKE = 3;

describe("spooledWriter()", () => {
  test("hands every byte on in order and holds little, whoever is slow and whenever", async () => {
    const plan = fc.record({
      chunks: fc.array(fc.uint8Array({ maxLength: CHUNK }), { maxLength: 60 }),
      turns: fc.array(fc.constantFrom("write", "write", "inner", "append", "take"), { maxLength: 200 }),
      capacity: fc.integer({ min: 0, max: 40 }),
      appendsUntilFull: fc.integer({ min: 0, max: 10 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ chunks, turns, capacity, appendsUntilFull }) => {
        const inner = new GatedWriter();
        const queue = new GatedQueue(capacity, appendsUntilFull);
        const source = new Source(spooledWriter(inner, queue, MEMORY), chunks);
        const moves = {
          write: () => source.writeNext(),
          inner: () => inner.gate.open(),
          append: () => queue.appendGate.open(),
          take: () => queue.takeGate.open(),
        };

        for (const turn of turns) {
          moves[turn]();
          await turnOver();
          const inMemory = source.bytesWritten - inner.size - queue.size;
          assert.ok(inMemory <= MEMORY + CHUNK + TAKE, `${inMemory} bytes in memory`);
        }
        for (const gate of [inner.gate, queue.appendGate, queue.takeGate]) gate.openForGood();
        await source.finish();

        assert.deepEqual(Buffer.concat(inner.taken), Buffer.concat(chunks));
        assert.ok(inner.completed);
      }),
      { numRuns: 150 },
    );
  });

  test("touches the disk not at all while the writer keeps up", async () => {
    const inner = new GatedWriter();
    inner.gate.openForGood();
    const queue = new GatedQueue(100);
    const writer = spooledWriter(inner, queue, MEMORY);

    for (let count = 0; count < 20; count++) {
      assert.equal(writer.write(new Uint8Array(5)), undefined);
      await turnOver();
    }

    await writer.complete();
    assert.equal(queue.appended, 0);
  });

  test("makes its caller wait only when memory and disk are full, and lets go when there is room", async () => {
    const inner = new GatedWriter();
    const queue = new GatedQueue(20);
    queue.appendGate.openForGood();
    queue.takeGate.openForGood();
    const writer = spooledWriter(inner, queue, MEMORY);

    const waits: (Promise<void> | undefined)[] = [];
    while (waits.at(-1) === undefined && waits.length < 100) {
      waits.push(writer.write(new Uint8Array(2)));
      await turnOver();
    }
    let free = false;
    const freed = waits.at(-1)?.then(() => {
      free = true;
    });
    await turnOver();

    // 2 with the slow writer, 20 on disk, 8 in memory, and the 2 that were one too many.
    assert.equal(waits.length * 2, 2 + 20 + MEMORY + 2);
    assert.equal(queue.size, 20);
    assert.equal(free, false);
    inner.gate.openForGood();
    await freed;
  });

  test("goes on without the disk once that is full", async () => {
    const inner = new GatedWriter();
    const queue = new GatedQueue(1000, 2);
    queue.appendGate.openForGood();
    queue.takeGate.openForGood();
    const writer = spooledWriter(inner, queue, MEMORY);

    for (let count = 0; count < 7; count++) {
      assert.equal(writer.write(Uint8Array.of(count, count)), undefined);
      await turnOver();
    }
    inner.gate.openForGood();
    await writer.complete();

    assert.deepEqual([...Buffer.concat(inner.taken)], [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
    assert.equal(queue.appended, 2);
  });

  test("says of the object what its writer says, also when disposed of", async () => {
    const writer = spooledWriter(new GatedWriter(), new GatedQueue(0), MEMORY);
    assert.equal(writer.mayExist, false);

    await writer.complete();
    await writer[Symbol.asyncDispose]();

    assert.equal(writer.mayExist, true);
  });

  test("surfaces the writer's error to who writes, waits and completes", async () => {
    const inner = new GatedWriter();
    const queue = new GatedQueue(0);
    const writer = spooledWriter(inner, queue, MEMORY);
    assert.equal(writer.write(new Uint8Array(1)), undefined);
    const wait = writer.write(new Uint8Array(MEMORY + 1));
    const error = new BackupError("STORE_REFUSED", "Cannot write");

    inner.gate.fail(error);

    await assert.rejects(wait ?? Promise.resolve(), (given) => given === error);
    await assert.rejects(writer.write(new Uint8Array(1)) ?? Promise.resolve(), (given) => given === error);
    await assert.rejects(writer.complete(), (given) => given === error);
    assert.equal(inner.completed, false);
  });

  for (const side of ["append", "take"] as const) {
    test(`fails when the disk fails to ${side}, since bytes may be lost`, async () => {
      const inner = new GatedWriter();
      const queue = new GatedQueue(100);
      const writer = spooledWriter(inner, queue, MEMORY);
      const error = new BackupError("STORE_UNAVAILABLE", "Cannot spool");
      for (let count = 0; count < 3; count++) assert.equal(writer.write(new Uint8Array(4)), undefined);
      if (side === "append") queue.appendGate.fail(error);
      else queue.appendGate.openForGood();
      await turnOver();
      if (side === "take") queue.takeGate.fail(error);

      inner.gate.openForGood();

      await assert.rejects(writer.complete(), (given) => given === error);
      assert.equal(inner.completed, false);
    });
  }

  test("disposes of writer and disk, and lets go of who waits, also while both hang", async () => {
    const inner = new GatedWriter();
    const queue = new GatedQueue(100);
    const writer = spooledWriter(inner, queue, MEMORY);
    assert.equal(writer.write(new Uint8Array(1)), undefined);
    const wait = writer.write(new Uint8Array(MEMORY + 1));
    const rejected = assert.rejects(wait ?? Promise.resolve(), (error) => isBackupError(error, "STORE_UNAVAILABLE"));

    await writer[Symbol.asyncDispose]();

    await rejected;
    assert.deepEqual([inner.disposed, queue.disposed], [true, true]);
  });

  test("tells the writer the size to expect", () => {
    const inner = new GatedWriter();

    spooledWriter(inner, new GatedQueue(0), MEMORY).expect(42);

    assert.equal(inner.expected, 42);
  });
});

/** A caller as the port wants it: it does not write while it has to wait. */
class Source {
  readonly #writer: ObjectWriter;
  readonly #chunks: Uint8Array[];
  #wait: Promise<void> | undefined;
  bytesWritten = 0;

  constructor(writer: ObjectWriter, chunks: readonly Uint8Array[]) {
    this.#writer = writer;
    this.#chunks = [...chunks];
  }

  writeNext(): void {
    if (this.#wait !== undefined) return;
    const chunk = this.#chunks.shift();
    if (!chunk) return;
    this.bytesWritten += chunk.byteLength;
    this.#wait = this.#writer.write(chunk)?.then(() => {
      this.#wait = undefined;
    });
  }

  async finish(): Promise<void> {
    await this.#wait;
    for (const chunk of this.#chunks) await this.#writer.write(chunk);
    await this.#writer.complete();
  }
}

class GatedQueue implements SpoolQueue {
  readonly appendGate = new Gate();
  readonly takeGate = new Gate();
  readonly #capacity: number;
  readonly #appendsUntilFull: number;
  #bytes = Buffer.alloc(0);
  appended = 0;
  disposed = false;
  #appending = false;

  constructor(capacity: number, appendsUntilFull = Number.POSITIVE_INFINITY) {
    this.#capacity = capacity;
    this.#appendsUntilFull = appendsUntilFull;
  }

  get size(): number {
    return this.#bytes.byteLength;
  }

  get room(): number {
    return this.#capacity - this.size;
  }

  async append(chunk: Uint8Array): Promise<void> {
    assert.equal(this.#appending, false, "two appends at once");
    assert.ok(chunk.byteLength <= this.room, "more than there is room for");
    this.#appending = true;
    await this.appendGate.pass();
    this.#appending = false;
    if (this.appended >= this.#appendsUntilFull) throw new BackupError("STORE_FULL", "Cannot spool");
    this.appended += 1;
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
  }

  async take(limit: number): Promise<Uint8Array> {
    await this.takeGate.pass();
    const taken = this.#bytes.subarray(0, Math.min(limit, TAKE));
    this.#bytes = this.#bytes.subarray(taken.byteLength);
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
  }
}
