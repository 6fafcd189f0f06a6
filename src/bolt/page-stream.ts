import { META_SIZE, PAGE_SIZES, readMeta } from "./page.ts";

/** Takes a page: it begins at `start` of `bytes`, which are only valid during the call. */
export type OnPage = (bytes: Uint8Array, start: number) => void;

const HEAD_SIZE = Math.max(...PAGE_SIZES) + META_SIZE;

/**
 * Cuts the bytes of a bbolt file into its pages. The size of a page is read from the first valid meta page. A page that
 * lies within one chunk is handed on where it is; only one that a chunk's end cuts in two is copied.
 */
export class PageStream {
  readonly #onPage: OnPage;
  /** The first bytes, until the size of a page is known. */
  readonly #head = new Uint8Array(HEAD_SIZE);
  /** A page of which only the beginning has come. */
  #page = new Uint8Array(0);
  #filled = 0;
  #pageSize = 0;
  #length = 0;

  constructor(onPage: OnPage) {
    this.#onPage = onPage;
  }

  /** Bytes of a page; 0 while unknown. */
  get pageSize(): number {
    return this.#pageSize;
  }

  /** All bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** Takes the next bytes of the file, and hands on the pages that they complete. */
  write(chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#pageSize > 0) this.#cut(chunk);
    else this.#findPageSize(chunk);
  }

  #findPageSize(chunk: Uint8Array): void {
    const taken = Math.min(chunk.length, HEAD_SIZE - this.#filled);
    this.#head.set(chunk.subarray(0, taken), this.#filled);
    this.#filled += taken;
    const head = this.#head.subarray(0, this.#filled);
    const size = pageSizeOf(head);
    if (size === undefined) return;
    this.#pageSize = size;
    this.#page = new Uint8Array(size);
    this.#filled = 0;
    this.#cut(head);
    this.#cut(chunk.subarray(taken));
  }

  #cut(chunk: Uint8Array): void {
    const size = this.#pageSize;
    let offset = this.#filled > 0 ? this.#fill(chunk, 0) : 0;
    for (; offset + size <= chunk.length; offset += size) this.#onPage(chunk, offset);
    if (offset < chunk.length) this.#fill(chunk, offset);
  }

  /** Copies into the page that is cut in two, and returns the offset behind what it took. */
  #fill(chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#pageSize - this.#filled);
    this.#page.set(chunk.subarray(offset, end), this.#filled);
    this.#filled += end - offset;
    if (this.#filled === this.#pageSize) {
      this.#filled = 0;
      this.#onPage(this.#page, 0);
    }
    return end;
  }
}

/** As bbolt finds it (`db.go` getPageSize): from meta page 0, else from wherever meta page 1 is valid. */
function pageSizeOf(head: Uint8Array): number | undefined {
  const first = readMeta(head, 0)?.pageSize;
  return PAGE_SIZES.find((size) => size === (first ?? readMeta(head, size)?.pageSize));
}
