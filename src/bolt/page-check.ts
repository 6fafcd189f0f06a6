import { ELEMENT_SIZE, PAGE_FLAG, PAGE_HEADER_SIZE, readUint32 } from "./page.ts";
import { bodyStart, type PageRun } from "./page-run.ts";

/** A piece of bytes. */
export interface Slice {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Keys that a page may hold: from `least` on, and below `limit`. */
export interface KeyBounds {
  readonly least: Slice | undefined;
  readonly limit: Slice | undefined;
}

/**
 * What is wrong with the elements of a leaf, if anything: they lie within the page one right behind the other, as bbolt
 * writes them (`internal/common/inode.go` WriteInodeToPage), their flags are `flags`, and their keys ascend within the
 * bounds.
 *
 * The flags are more than bbolt's own check looks at: with a wrong one it takes a row for a bucket, and stock etcdutl
 * panics.
 */
export function checkLeaf(page: PageRun, flags: number, bounds: KeyBounds): string | undefined {
  const { header, bytes, start, end } = page;
  if (bodyStart(page) > end) return `it cannot hold ${header.count} elements in ${end - start} bytes`;
  let next = bodyStart(page);
  let previous = bounds.least;
  for (let index = 0; index < header.count; index++) {
    const element = start + PAGE_HEADER_SIZE + index * ELEMENT_SIZE;
    if (next > end) return `element ${index} is beyond its end`;
    const keyEnd = next + readUint32(bytes, element + 8);
    const valueEnd = keyEnd + readUint32(bytes, element + 12);
    if (element + readUint32(bytes, element + 4) !== next || valueEnd > end) return `element ${index} is misplaced`;
    if (readUint32(bytes, element) !== flags) return `element ${index} has flags ${readUint32(bytes, element)}`;
    const key = { bytes, start: next, end: keyEnd };
    if (!follows(key, previous, index > 0)) return `the key of element ${index} is not in order`;
    previous = key;
    next = valueEnd;
  }
  return checkLimit(header.count > 0 ? previous : undefined, bounds);
}

/** What is wrong with the elements of a branch, if anything. It has at least one. */
export function checkBranch(page: PageRun, bounds: KeyBounds): string | undefined {
  const { header, bytes, start, end } = page;
  if (header.count === 0) return "it is a branch without children";
  if (bodyStart(page) > end) return `it cannot hold ${header.count} elements in ${end - start} bytes`;
  let next = bodyStart(page);
  let previous = bounds.least;
  for (let index = 0; index < header.count; index++) {
    const element = start + PAGE_HEADER_SIZE + index * ELEMENT_SIZE;
    if (next > end) return `element ${index} is beyond its end`;
    const keyEnd = next + readUint32(bytes, element + 4);
    if (element + readUint32(bytes, element) !== next || keyEnd > end) return `element ${index} is misplaced`;
    const key = { bytes, start: next, end: keyEnd };
    if (!follows(key, previous, index > 0)) return `the key of element ${index} is not in order`;
    previous = key;
    next = keyEnd;
  }
  return checkLimit(previous, bounds);
}

/** What is wrong with a page's header, if anything. */
export function checkHeader(page: PageRun, number: number): string | undefined {
  const { header } = page;
  if (header.id !== number) return `it says that it is page ${header.id}`;
  if (header.flags !== PAGE_FLAG.branch && header.flags !== PAGE_FLAG.leaf) return `it is of type ${header.flags}`;
  return undefined;
}

function checkLimit(last: Slice | undefined, { limit }: KeyBounds): string | undefined {
  return last && limit && compare(last, limit) >= 0 ? "its last key belongs to the page behind it" : undefined;
}

/** The first key of a page may be the one that its parent knows it by; all others are greater than the one before. */
function follows(key: Slice, previous: Slice | undefined, strictly: boolean): boolean {
  if (previous === undefined) return true;
  const order = compare(key, previous);
  return strictly ? order > 0 : order >= 0;
}

/** As Go's bytes.Compare. */
export function compare(a: Slice, b: Slice): number {
  const length = Math.min(a.end - a.start, b.end - b.start);
  for (let index = 0; index < length; index++) {
    const difference = (a.bytes[a.start + index] ?? 0) - (b.bytes[b.start + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.end - a.start - (b.end - b.start);
}
