/** Which pages of a file something leads to, in one bit a page. */
export class PageUse {
  readonly #used: Uint8Array;
  readonly #pageCount: number;

  constructor(pageCount: number) {
    this.#pageCount = pageCount;
    this.#used = new Uint8Array(Math.ceil(pageCount / 8));
  }

  /** Takes `count` pages from `first` on; what keeps them from being taken is returned as text. */
  take(first: number, count: number): string | undefined {
    if (first + count > this.#pageCount) return `page ${first + count - 1} is beyond the last one`;
    for (let page = first; page < first + count; page++) {
      if (this.isUsed(page)) return `page ${page} is reached twice`;
      const index = Math.floor(page / 8);
      this.#used[index] = (this.#used[index] ?? 0) | (1 << (page % 8));
    }
    return undefined;
  }

  isUsed(page: number): boolean {
    return ((this.#used[Math.floor(page / 8)] ?? 0) & (1 << (page % 8))) !== 0;
  }

  /** Pages that nothing leads to. */
  *unused(): Generator<number> {
    for (let page = 0; page < this.#pageCount; page++) if (!this.isUsed(page)) yield page;
  }
}
