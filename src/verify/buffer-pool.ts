const SMALLEST = 4096;
/** Longer buffers, of which there are few, are left to the garbage collector. */
const LARGEST = 2 ** 20;
const KEPT_BYTES = 8 * 2 ** 20;

/** Buffers to be used again, by capacities that are powers of two. */
export class BufferPool {
  readonly #free = new Map<number, ArrayBufferLike[]>();
  #keptBytes = 0;

  /** `length` bytes of whatever they held before. */
  take(length: number): Uint8Array {
    const capacity = capacityFor(length);
    const kept = this.#free.get(capacity)?.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(capacity).subarray(0, length);
    this.#keptBytes -= capacity;
    return new Uint8Array(kept, 0, length);
  }

  /** Takes back what `take` gave, which nobody may look at afterwards. */
  give({ buffer }: Uint8Array): void {
    const capacity = buffer.byteLength;
    if (capacity > LARGEST || this.#keptBytes + capacity > KEPT_BYTES) return;
    this.#keptBytes += capacity;
    const free = this.#free.get(capacity);
    if (free) free.push(buffer);
    else this.#free.set(capacity, [buffer]);
  }
}

function capacityFor(length: number): number {
  return length > LARGEST ? length : Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(length)));
}
