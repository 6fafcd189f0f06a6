/** A buffer of one part's size that fills up. */
export class Slab {
  readonly #buffer: Buffer;
  #length = 0;

  constructor(size: number) {
    // Not from Node's shared pool; the memory is touched, and so becomes resident, only as far as it is filled.
    this.#buffer = Buffer.allocUnsafeSlow(size);
  }

  get isFull(): boolean {
    return this.#length === this.#buffer.length;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Copies as much of `chunk` as fits and returns the rest. */
  append(chunk: Uint8Array): Uint8Array {
    const taken = Math.min(chunk.length, this.#buffer.length - this.#length);
    this.#buffer.set(chunk.length === taken ? chunk : chunk.subarray(0, taken), this.#length);
    this.#length += taken;
    return chunk.subarray(taken);
  }

  clear(): void {
    this.#length = 0;
  }
}

/** A bounded number of slabs, made when first needed and used again: the memory of one upload. */
export class SlabPool {
  readonly #size: number;
  readonly #count: number;
  readonly #free: Slab[] = [];
  #made = 0;
  #waiting: (() => void) | undefined;

  constructor(count: number, size: number) {
    this.#count = count;
    this.#size = size;
  }

  /** An empty slab, or `undefined` when all are in use. */
  take(): Slab | undefined {
    const free = this.#free.pop();
    if (free !== undefined || this.#made === this.#count) return free;
    this.#made++;
    return new Slab(this.#size);
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
