import type { PiecePool } from "./piece-pool.ts";

/** What `Content-Range` says: the bytes that come, both included, and how many the object has. */
export interface ContentRange {
  readonly start: number;
  readonly end: number;
  readonly size: number;
}

/** The header as RFC 9110, 14.4 writes it, or `undefined` for anything else, also for a size that is not told. */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const [, start, end, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(header ?? "") ?? [];
  return start === undefined ? undefined : { start: Number(start), end: Number(end), size: Number(size) };
}

/** One range of an object as it fills up, over however many answers. */
export class RangeBytes {
  readonly pieces: Buffer[] = [];
  readonly #pool: PiecePool;
  readonly #end: number;
  #next: number;
  #asked: number;
  /** What is left of the last piece. */
  #room: Buffer = Buffer.alloc(0);

  /** Of the bytes `start` to `end`, both included. */
  constructor({ start, end }: { readonly start: number; readonly end: number }, pool: PiecePool) {
    this.#pool = pool;
    this.#next = start;
    this.#asked = start;
    this.#end = end;
  }

  /** The byte that has to come next. */
  get next(): number {
    return this.#next;
  }

  /** Whether bytes have come since this was asked last. */
  get hasAdvanced(): boolean {
    const before = this.#asked;
    this.#asked = this.#next;
    return this.#next > before;
  }

  /** Bytes that are still to come of an object of `size` bytes. */
  left(size: number): number {
    return Math.max(0, Math.min(this.#end + 1, size) - this.#next);
  }

  /** Takes the next bytes of an object of `size` bytes. `false` if there were more than belong to the range. */
  append(chunk: Uint8Array, size: number): boolean {
    for (let at = 0; at < chunk.length; ) {
      const left = this.left(size);
      if (left === 0) return false;
      if (this.#room.length === 0) this.#begin(left);
      const part = chunk.subarray(at, at + this.#room.length);
      this.#room.set(part);
      this.#room = this.#room.subarray(part.length);
      this.#next += part.length;
      at += part.length;
    }
    return true;
  }

  #begin(left: number): void {
    this.#room = this.#pool.take(left);
    this.pieces.push(this.#room);
  }
}
