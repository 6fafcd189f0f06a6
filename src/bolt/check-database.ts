import type { Findings } from "../model/finding.ts";
import type { Database } from "./database.ts";
import { checkFreelist } from "./freelist.ts";
import { checkMetaPages } from "./meta-pages.ts";
import { ELEMENT_SIZE, PAGE_HEADER_SIZE, readLeafElement, readUint32, readUint64 } from "./page.ts";
import type { Slice } from "./page-check.ts";
import { bodyStart, type PageRun } from "./page-run.ts";
import { type OnLeaf, TreeWalk } from "./tree-walk.ts";

/** A bucket as the root bucket names it. */
interface BucketEntry {
  readonly name: string;
  /** Root page and sequence; an inline bucket's page follows. */
  readonly value: Slice;
}

/** Chooses who takes the leaves of a bucket; `undefined` passes the bucket over. */
export type Visit = (bucket: string) => OnLeaf | undefined;

/** etcd's ten buckets take a page or two; more than this is not kept in memory. */
const MAX_ROOT_BYTES = 8 * 2 ** 20;
/** What the decoder writes for bytes that are no UTF-8. */
const REPLACEMENT = "\ufffd";
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Reads every page that a database uses, in the order of buckets and keys, and hands the leaves on. What `tx.Check` of
 * bbolt would find is found, and flags that it overlooks. Memory is a bit for each page and a few MiB.
 */
export async function checkDatabase(
  db: Database,
  { visit, findings }: { readonly visit: Visit; readonly findings: Findings },
  signal: AbortSignal,
): Promise<void> {
  await checkMetaPages(db, findings, signal);
  const walk = await walkBuckets(db, { visit, findings }, signal);
  await checkFreelist(db, { uses: walk.uses, findings }, signal);
}

/** Reads only the buckets that `visit` wants; what is found wrong on the way is told as well. */
export async function walkBuckets(
  db: Database,
  { visit, findings }: { readonly visit: Visit; readonly findings: Findings },
  signal: AbortSignal,
): Promise<TreeWalk> {
  const walk = new TreeWalk(db, findings);
  for (const { name, value } of await readRoot(walk, findings, signal)) {
    if (name.includes(REPLACEMENT)) findings.add("ROWS", `bucket "${name}" has a name that is no text`);
    const onLeaf = visit(name);
    if (onLeaf === undefined) continue;
    if (value.end - value.start < 16) findings.add("STRUCTURE", `bucket "${name}" has no root`);
    else {
      const root = readUint64(value.bytes, value.start);
      if (root === 0) walk.walkInline(name, value, onLeaf);
      else await walk.walkBucket({ bucket: name, root }, onLeaf, signal);
    }
  }
  return walk;
}

async function readRoot(walk: TreeWalk, findings: Findings, signal: AbortSignal): Promise<BucketEntry[]> {
  const buckets: BucketEntry[] = [];
  let bytes = 0;
  await walk.walkRoot((leaf) => {
    bytes += leaf.end - leaf.start;
    if (bytes <= MAX_ROOT_BYTES) for (const bucket of bucketsOn(leaf)) buckets.push(bucket);
  }, signal);
  if (bytes > MAX_ROOT_BYTES) findings.add("STRUCTURE", `the root bucket has ${bytes} bytes, which etcd's has not`);
  return buckets;
}

/** Copies, so that the pages that were read at the same time need not be kept. */
function bucketsOn(leaf: PageRun): BucketEntry[] {
  const bytes = leaf.bytes.slice(leaf.start, leaf.end);
  return [...rowsOf({ ...leaf, bytes, start: 0, end: bytes.length })].map(({ key, value }) => ({
    name: decoder.decode(bytes.subarray(key.start, key.end)),
    value,
  }));
}

/** The bytes of all rows of a sound leaf: keys and values in turn, one right behind the other. */
export function bodyOf(leaf: PageRun): Slice {
  const { header, bytes } = leaf;
  const start = bodyStart(leaf);
  if (header.count === 0) return { bytes, start, end: start };
  const last = readLeafElement(bytes, leaf.start, header.count - 1);
  return { bytes, start, end: last.value + last.valueSize };
}

/** The rows of a sound leaf. */
export function* rowsOf(leaf: PageRun): Generator<{ readonly key: Slice; readonly value: Slice }> {
  const { header, bytes, start } = leaf;
  let next = bodyStart(leaf);
  for (let index = 0; index < header.count; index++) {
    const element = start + PAGE_HEADER_SIZE + index * ELEMENT_SIZE;
    const keyEnd = next + readUint32(bytes, element + 8);
    const end = keyEnd + readUint32(bytes, element + 12);
    yield { key: { bytes, start: next, end: keyEnd }, value: { bytes, start: keyEnd, end } };
    next = end;
  }
}
