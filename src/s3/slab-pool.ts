import { crc32 } from "node:zlib";

/** A buffer of one part's size that fills up. */
export class Slab {
  readonly #buffer: Buffer;
  readonly #sums: boolean;
  #length = 0;
  #crc = 0;

  /** With `sums` it keeps the CRC32 of what it holds: that costs half as much while the bytes are in the processor's cache. */
  constructor(size: number, sums: boolean) {
    this.#sums = sums;
    // Not from Node's shared pool; the memory is touched, and so becomes resident, only as far as it is filled.
    this.#buffer = Buffer.allocUnsafeSlow(size);
  }

  get isFull(): boolean {
    return this.#length === this.#buffer.length;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** CRC32 of `bytes`, if it was to be kept. */
  get crc32(): number | undefined {
    return this.#sums ? this.#crc : undefined;
  }

  /** Copies as much of `chunk` as fits and returns the rest. */
  append(chunk: Uint8Array): Uint8Array {
    const taken = Math.min(chunk.length, this.#buffer.length - this.#length);
    const bytes = chunk.length === taken ? chunk : chunk.subarray(0, taken);
    this.#buffer.set(bytes, this.#length);
    this.#length += taken;
    if (this.#sums) this.#crc = crc32(bytes, this.#crc);
    return chunk.subarray(taken);
  }

  clear(): void {
    this.#length = 0;
    this.#crc = 0;
  }
}

/** A bounded number of slabs, made when first needed and used again: the memory of one upload. */
export class SlabPool {
  readonly #size: number;
  readonly #count: number;
  readonly #sums: boolean;
  readonly #free: Slab[] = [];
  #made = 0;
  #waiting: (() => void) | undefined;

  constructor(count: number, size: number, sums = false) {
    this.#count = count;
    this.#sums = sums;
    this.#size = size;
  }

  /** An empty slab, or `undefined` when all are in use. */
  take(): Slab | undefined {
    const free = this.#free.pop();
    if (free !== undefined || this.#made === this.#count) return free;
    this.#made++;
    return new Slab(this.#size, this.#sums);
  }

  give(slab: Slab): void {
    slab.clear();
    this.#free.push(slab);
    this.#waiting?.();
  }

  /** Resolves when a slab is free. One caller at a time. Rejects with `signal.reason`. */
  async freed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free.length > 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(signal.reason);
    this.#waiting = resolve;
    signal.addEventListener("abort", onAbort, { once: true });
    await promise.finally(() => {
      this.#waiting = undefined;
      signal.removeEventListener("abort", onAbort);
    });
  }
}
