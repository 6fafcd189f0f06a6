interface Range {
  /** Offset in the file. */
  readonly from: number;
  readonly bytes: Uint8Array;
  readonly done: (bytes: Uint8Array) => void;
}

/** Collects byte ranges that lie on pages still to come. */
export class ByteRanges {
  /** By the number of the next page that holds a byte of the range. */
  readonly #waiting = new Map<number, Range[]>();
  #size = 0;

  /** Bytes that are being waited for. */
  get size(): number {
    return this.#size;
  }

  /** Has `done` called with the bytes `from` to `from + length` of the file once they have all passed. */
  want(range: { readonly from: number; readonly length: number }, pageSize: number, done: Range["done"]): void {
    this.#size += range.length;
    this.#wait(Math.floor(range.from / pageSize), { from: range.from, bytes: new Uint8Array(range.length), done });
  }

  /** Takes page `page`, which begins at `start` of `bytes`. */
  pass(page: { readonly number: number; readonly size: number }, bytes: Uint8Array, start: number): void {
    const ranges = this.#waiting.get(page.number);
    if (ranges === undefined) return;
    this.#waiting.delete(page.number);
    const first = page.number * page.size;
    for (const range of ranges) {
      const from = Math.max(range.from, first);
      const end = Math.min(range.from + range.bytes.length, first + page.size);
      range.bytes.set(bytes.subarray(start + from - first, start + end - first), from - range.from);
      if (end < range.from + range.bytes.length) this.#wait(page.number + 1, range);
      else this.#finish(range);
    }
  }

  #wait(page: number, range: Range): void {
    const ranges = this.#waiting.get(page);
    if (ranges) ranges.push(range);
    else this.#waiting.set(page, [range]);
  }

  #finish(range: Range): void {
    this.#size -= range.bytes.length;
    range.done(range.bytes);
  }
}
