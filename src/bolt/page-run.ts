import type { ByteSource } from "./byte-source.ts";
import { PAGE_HEADER_SIZE, type PageHeader, readPageHeader } from "./page.ts";

/** A page with those that belong to it; it begins at `start` of `bytes`. */
export interface PageRun {
  readonly header: PageHeader;
  readonly bytes: Uint8Array;
  readonly start: number;
  /** Offset behind its last byte. */
  readonly end: number;
}

/** Where to read, in bytes of the file. */
interface Stretch {
  readonly from: number;
  readonly end: number;
  /** The pages that are wanted of it. */
  readonly numbers: readonly number[];
}

/** The most that is read at once, so that a batch of far-flung pages stays within a few MiB. */
const MAX_STRETCH_BYTES = 2 ** 20;
/** A longer page is read when its turn comes: sixty of them at once would not be a few MiB. */
const EAGER_BYTES = 64 * 1024;
/** Pages that are longer still are not read: etcd takes requests of 1.5 MiB as a rule, and no row is larger than its request. */
export const MAX_RUN_BYTES = 128 * 2 ** 20;

/**
 * Reads pages of a file, near ones in one go. Whatever the pages claim, not more is read than they are long, once again
 * each one's beginning, and the file once more.
 */
export class PageReader {
  readonly #source: ByteSource;
  readonly #pageSize: number;
  /** Bytes that may yet be read without being sure that they are wanted: gaps, and overflow that is only claimed. */
  #spareBytes: number;

  constructor(source: ByteSource, pageSize: number) {
    this.#source = source;
    this.#pageSize = pageSize;
    this.#spareBytes = source.size;
  }

  /**
   * The pages of these numbers, which are within the file and none of them twice, in the same order. Of one with a long
   * overflow this is only the beginning.
   */
  async read(numbers: readonly number[], signal: AbortSignal): Promise<PageRun[]> {
    const pages = new Map<number, PageRun>();
    const readStretch = async ({ from, end, numbers: wanted }: Stretch): Promise<void> => {
      const bytes = await this.#source.read(from, end - from, signal);
      const load = async (number: number) => pages.set(number, await this.#complete(number, { from, bytes }, signal));
      await Promise.all(wanted.map(load));
    };
    await Promise.all(this.#plan(numbers).map(readStretch));
    return numbers.flatMap((number) => pages.get(number) ?? []);
  }

  /** A page with all of its overflow, which is within the file; its header bears its own number. */
  async readWhole(page: PageRun, signal: AbortSignal): Promise<PageRun> {
    const { header, start, end } = page;
    return end - start === this.#lengthOf(header) ? page : await this.#readRun(header.id, header, signal);
  }

  /** Gives back the bytes of pages that nobody looks at any more; several may lie in the same. */
  recycle(pages: readonly PageRun[]): void {
    for (const bytes of new Set(pages.map((page) => page.bytes))) this.#source.recycle?.(bytes);
  }

  #plan(numbers: readonly number[]): Stretch[] {
    const stretches: Stretch[] = [];
    for (const number of numbers.toSorted((a, b) => a - b)) {
      const from = number * this.#pageSize;
      const end = from + this.#pageSize;
      const last = stretches.at(-1);
      if (last && end - last.from <= MAX_STRETCH_BYTES && this.#bridges(from - last.end)) {
        stretches.splice(-1, 1, { from: last.from, end, numbers: [...last.numbers, number] });
      } else stretches.push({ from, end, numbers: [number] });
    }
    return stretches;
  }

  async #complete(
    number: number,
    stretch: { readonly from: number; readonly bytes: Uint8Array },
    signal: AbortSignal,
  ): Promise<PageRun> {
    const start = number * this.#pageSize - stretch.from;
    const header = readPageHeader(stretch.bytes, start);
    const length = this.#lengthOf(header);
    if (start + length <= stretch.bytes.length) return { header, bytes: stretch.bytes, start, end: start + length };
    const isThere = number * this.#pageSize + length <= this.#source.size;
    if (isThere && length <= EAGER_BYTES && this.#spends(length)) return await this.#readRun(number, header, signal);
    return { header, bytes: stretch.bytes, start, end: start + this.#pageSize };
  }

  async #readRun(number: number, header: PageHeader, signal: AbortSignal): Promise<PageRun> {
    const end = this.#lengthOf(header);
    const bytes = await this.#source.read(number * this.#pageSize, end, signal);
    return { header, bytes, start: 0, end };
  }

  #lengthOf({ overflow }: PageHeader): number {
    return (overflow + 1) * this.#pageSize;
  }

  #bridges(gap: number): boolean {
    return gap <= this.#source.gapBytes && this.#spends(gap);
  }

  #spends(bytes: number): boolean {
    if (bytes > this.#spareBytes) return false;
    this.#spareBytes -= bytes;
    return true;
  }
}

/** Offset of the first key of a page of `count` elements: bbolt writes keys and values right behind the elements. */
export function bodyStart({ header, start }: PageRun): number {
  return start + PAGE_HEADER_SIZE * (1 + header.count);
}
