import { BackupError, isBackupError } from "../errors.ts";
import type { ObjectWriter, WrittenObject } from "../ports/object-store.ts";
import type { SpoolQueue } from "../ports/spool.ts";

/** Bytes held in memory before they go to disk. */
const MEMORY = 4 * 2 ** 20;
const TAKE = 2 ** 20;

/**
 * Lets the caller run ahead of a slow writer. Bytes go straight to `inner` while it keeps up; when it makes
 * its caller wait, they queue in memory, then in `queue`, and `write` makes its own caller wait only when both
 * are full. They reach `inner` in order. Owns both: disposing of it disposes of them. A full disk is no
 * failure; any other error of the queue fails the writer, since bytes may be lost in it.
 */
export function spooledWriter(inner: ObjectWriter, queue: SpoolQueue, memory = MEMORY): ObjectWriter {
  return new SpooledWriter({ inner, queue, memory });
}

interface Parts {
  readonly inner: ObjectWriter;
  readonly queue: SpoolQueue;
  readonly memory: number;
}

/** From oldest to newest: what `inner` is busy with, the queue on disk, the chunk being appended to it, the tail. */
class SpooledWriter implements ObjectWriter {
  readonly #parts: Parts;
  #tail: Uint8Array[] = [];
  #tailBytes = 0;
  #draining: Promise<void> | undefined;
  #appending: Promise<void> | undefined;
  #diskFull = false;
  #failure: { readonly error: unknown } | undefined;
  #room = Promise.withResolvers<void>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get mayExist(): boolean {
    return this.#parts.inner.mayExist;
  }

  expect(size: number): void {
    this.#parts.inner.expect(size);
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure) return Promise.reject(this.#failure.error);
    if (this.#draining === undefined) {
      const busy = this.#parts.inner.write(chunk);
      if (busy !== undefined) this.#draining = this.#drain(busy);
      return undefined;
    }
    this.#tail.push(chunk);
    this.#tailBytes += chunk.byteLength;
    this.#spill();
    return this.#tailBytes > this.#parts.memory ? this.#untilRoom() : undefined;
  }

  async complete(): Promise<WrittenObject> {
    await this.#draining;
    this.#check();
    return await this.#parts.inner.complete();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new BackupError("STORE_UNAVAILABLE", "Cannot write any more: the upload was given up"));
    await using _queue = this.#parts.queue;
    await this.#parts.inner[Symbol.asyncDispose]();
  }

  /** Feeds `inner` until nothing is left. Never rejects: the failure is kept for whoever asks next. */
  async #drain(busy: Promise<void>): Promise<void> {
    try {
      await busy;
      while (!this.#failure && this.#hasMore) {
        const chunk = await this.#oldest();
        if (chunk && !this.#failure) await this.#parts.inner.write(chunk);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#draining = undefined;
  }

  get #hasMore(): boolean {
    return this.#parts.queue.size > 0 || this.#appending !== undefined || this.#tail.length > 0;
  }

  async #oldest(): Promise<Uint8Array | undefined> {
    const { queue } = this.#parts;
    if (queue.size > 0) {
      const chunk = await queue.take(TAKE);
      this.#spill();
      return chunk;
    }
    if (this.#appending !== undefined) {
      await this.#appending;
      return undefined;
    }
    const chunk = this.#tail.shift();
    this.#shrink(chunk?.byteLength ?? 0);
    return chunk;
  }

  /** Moves the oldest chunks of a long tail to disk, one after the other. */
  #spill(): void {
    const { queue, memory } = this.#parts;
    const [chunk] = this.#tail;
    if (!chunk || this.#appending !== undefined || this.#diskFull || this.#failure) return;
    if (this.#tailBytes <= memory / 2 || chunk.byteLength > queue.room) return;
    this.#tail.shift();
    this.#appending = this.#append(chunk);
  }

  async #append(chunk: Uint8Array): Promise<void> {
    try {
      await this.#parts.queue.append(chunk);
      this.#shrink(chunk.byteLength);
    } catch (error) {
      if (isBackupError(error, "STORE_FULL")) this.#diskFull = true;
      else this.#fail(error);
      this.#tail.unshift(chunk);
    }
    this.#appending = undefined;
    this.#spill();
  }

  #shrink(bytes: number): void {
    this.#tailBytes -= bytes;
    if (this.#tailBytes <= this.#parts.memory) this.#makeRoom();
  }

  async #untilRoom(): Promise<void> {
    await this.#room.promise;
    this.#check();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#tail = [];
    this.#makeRoom();
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error;
  }

  #makeRoom(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers<void>();
  }
}
