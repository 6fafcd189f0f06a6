import type { Findings } from "../model/finding.ts";
import type { Database } from "./database.ts";
import { checkFreelist } from "./freelist.ts";
import { ELEMENT_SIZE, PAGE_HEADER_SIZE, readUint32, readUint64 } from "./page.ts";
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

const decoder = new TextDecoder();

/**
 * Reads every page that a database uses, in the order of buckets and keys, and hands the leaves on. What `tx.Check` of
 * bbolt would find is found, and flags that it overlooks. Memory is a bit for each page and a few MiB.
 */
export async function checkDatabase(
  db: Database,
  { visit, findings }: { readonly visit: Visit; readonly findings: Findings },
  signal: AbortSignal,
): Promise<void> {
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
  const buckets: BucketEntry[] = [];
  await walk.walkRoot((leaf) => buckets.push(...bucketsOn(leaf)), signal);
  for (const { name, value } of buckets) {
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

/** Copies, so that the pages that were read at the same time need not be kept. */
function bucketsOn(leaf: PageRun): BucketEntry[] {
  const bytes = leaf.bytes.slice(leaf.start, leaf.end);
  return [...rowsOf({ ...leaf, bytes, start: 0, end: bytes.length })].map(({ key, value }) => ({
    name: decoder.decode(bytes.subarray(key.start, key.end)),
    value,
  }));
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
