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
}

/** The most that is read at once, so that a batch of far-flung pages stays within a few MiB. */
const MAX_STRETCH_BYTES = 2 ** 20;
/** A longer page is read when its turn comes: sixty of them at once would not be a few MiB. */
const EAGER_BYTES = 64 * 1024;
/** Pages that are longer still are not read: etcd takes requests of 1.5 MiB as a rule, and no row is larger than its request. */
export const MAX_RUN_BYTES = 128 * 2 ** 20;

/** Reads pages of a file, near ones in one go. */
export class PageReader {
  readonly #source: ByteSource;
  readonly #pageSize: number;

  constructor(source: ByteSource, pageSize: number) {
    this.#source = source;
    this.#pageSize = pageSize;
  }

  /**
   * The pages of these numbers, which are within the file, in the same order. Of one with a long overflow this is only
   * the beginning.
   */
  async read(numbers: readonly number[], signal: AbortSignal): Promise<PageRun[]> {
    const stretches = plan(numbers, { pageSize: this.#pageSize, gapBytes: this.#source.gapBytes });
    const read = await Promise.all(
      stretches.map(async (stretch) => ({
        ...stretch,
        bytes: await this.#source.read(stretch.from, stretch.end - stretch.from, signal),
      })),
    );
    return await Promise.all(
      numbers.map(async (number) => {
        const from = number * this.#pageSize;
        const stretch = read.find((each) => each.from <= from && from < each.end);
        return await this.#complete(from, stretch ?? { from, bytes: new Uint8Array(this.#pageSize) }, signal);
      }),
    );
  }

  /** A page with all of its overflow, which is within the file. */
  async readWhole(page: PageRun, signal: AbortSignal): Promise<PageRun> {
    const { header, start, end } = page;
    const length = (header.overflow + 1) * this.#pageSize;
    if (end - start === length) return page;
    const bytes = await this.#source.read(header.id * this.#pageSize, length, signal);
    return { header, bytes, start: 0, end: length };
  }

  async #complete(
    from: number,
    stretch: { readonly from: number; readonly bytes: Uint8Array },
    signal: AbortSignal,
  ): Promise<PageRun> {
    const start = from - stretch.from;
    const header = readPageHeader(stretch.bytes, start);
    const length = (header.overflow + 1) * this.#pageSize;
    const isThere = start + length <= stretch.bytes.length;
    const end = start + (isThere ? length : this.#pageSize);
    const page = { header, bytes: stretch.bytes, start, end };
    const isNear = length <= EAGER_BYTES && from + length <= this.#source.size;
    return isThere || !isNear
      ? page
      : await this.readWhole({ ...page, header: { ...header, id: from / this.#pageSize } }, signal);
  }
}

function plan(
  numbers: readonly number[],
  { pageSize, gapBytes }: { readonly pageSize: number; readonly gapBytes: number },
): Stretch[] {
  const stretches: Stretch[] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const from = number * pageSize;
    const end = from + pageSize;
    const last = stretches.at(-1);
    if (last && from - last.end <= gapBytes && end - last.from <= MAX_STRETCH_BYTES) {
      stretches.splice(-1, 1, { from: last.from, end });
    } else stretches.push({ from, end });
  }
  return stretches;
}

/** Offset of the first key of a page of `count` elements: bbolt writes keys and values right behind the elements. */
export function bodyStart({ header, start }: PageRun): number {
  return start + PAGE_HEADER_SIZE * (1 + header.count);
}
