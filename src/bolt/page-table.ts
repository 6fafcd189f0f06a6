const SEGMENT_BITS = 14;
const SEGMENT_PAGES = 2 ** SEGMENT_BITS;

const KIND = { none: 0, child: 1, revision: 2 } as const;

interface Segment {
  readonly kinds: Uint8Array;
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}

/** What a tree's rightmost path leads to from a page. */
export type PageEntry = { readonly child: number } | { readonly revision: bigint };

/** One entry for each page of a file: 9 bytes a page, in segments, so that growing copies nothing. */
export class PageTable {
  readonly #segments: (Segment | undefined)[] = [];

  /** Notes that the last child of branch page `page` is page `child`. */
  setChild(page: number, child: number): void {
    this.#set(page, KIND.child, { high: Math.floor(child / 2 ** 32), low: child >>> 0 });
  }

  /** Notes the revision of leaf page `page`, as the two halves of its 64 bits. */
  setRevision(page: number, revision: { readonly high: number; readonly low: number }): void {
    this.#set(page, KIND.revision, revision);
  }

  get(page: number): PageEntry | undefined {
    const segment = this.#segments[page >>> SEGMENT_BITS];
    const slot = page % SEGMENT_PAGES;
    const high = segment?.high[slot] ?? 0;
    const low = segment?.low[slot] ?? 0;
    if (segment?.kinds[slot] === KIND.child) return { child: high * 2 ** 32 + low };
    if (segment?.kinds[slot] === KIND.revision) return { revision: (BigInt(high) << 32n) | BigInt(low) };
    return undefined;
  }

  #set(page: number, kind: number, halves: { readonly high: number; readonly low: number }): void {
    const index = page >>> SEGMENT_BITS;
    const slot = page % SEGMENT_PAGES;
    const segment = this.#segments[index] ?? newSegment();
    this.#segments[index] = segment;
    segment.kinds[slot] = kind;
    segment.high[slot] = halves.high;
    segment.low[slot] = halves.low;
  }
}

function newSegment(): Segment {
  return {
    kinds: new Uint8Array(SEGMENT_PAGES),
    high: new Uint32Array(SEGMENT_PAGES),
    low: new Uint32Array(SEGMENT_PAGES),
  };
}
