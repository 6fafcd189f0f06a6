import type { Revision } from "../model/manifest.ts";
import { type Bucket, type MainRevision, type MetaRows, type RootLeaf, toRevision } from "./etcd-buckets.ts";
import type { PageTable } from "./page-table.ts";

/** What is known of a database's pages. Stale copies are among them: which ones count, the walk from the root says. */
export interface IndexedPages {
  readonly table: PageTable;
  readonly rootLeaves: Map<number, RootLeaf>;
  readonly metaLeaves: Map<number, MetaRows>;
  /** Children of the root page when that is a branch. */
  readonly children: number[];
}

/** No tree of 2^64 pages is deeper; a longer path is a circle. */
const MAX_DEPTH = 64;

/**
 * Walks from page `root` to the last row of bucket `key` and to the rows of bucket `meta`. Returns what is wrong as text
 * when there is no way.
 *
 * The last row alone is not enough: it may have been compacted away, and the revision does not go back for that.
 */
export function findNewest(
  pages: IndexedPages,
  root: number,
): { readonly revision: Revision; readonly storageVersion: string } | string {
  const leaves = [root, ...pages.children].flatMap((page) => pages.rootLeaves.get(page) ?? []);
  const key = leaves.find((leaf) => leaf.key)?.key;
  const meta = leaves.find((leaf) => leaf.meta)?.meta;
  if (key === undefined || meta === undefined) return `its root page ${root} names no bucket "${key ? "meta" : "key"}"`;
  const rows = "root" in meta ? metaRows(pages, meta.root) : meta.inline;
  if (rows === undefined) return 'bucket "meta" cannot be read';
  const last = lastRevision(pages.table, key);
  if (typeof last === "string") return last;
  const revisions: Revision[] = [1n, last, ...rows.compactRevisions];
  revisions.sort((a, b) => (a < b ? -1 : 1));
  return { revision: revisions.at(-1) ?? 1n, storageVersion: rows.storageVersion };
}

/** A leaf without rows bears no names that would have told it from others, but it was seen to be an empty leaf. */
function metaRows(pages: IndexedPages, root: number): MetaRows | undefined {
  const entry = pages.table.get(root);
  const isEmpty = entry !== undefined && "revision" in entry && entry.revision === 0n;
  return pages.metaLeaves.get(root) ?? (isEmpty ? { compactRevisions: [], storageVersion: "" } : undefined);
}

function lastRevision(table: PageTable, bucket: Bucket<MainRevision>): Revision | string {
  if (!("root" in bucket)) {
    return bucket.inline ? toRevision(bucket.inline) : 'bucket "key" cannot be read';
  }
  let page = bucket.root;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const entry = table.get(page);
    if (entry === undefined) return `page ${page} of bucket "key" is neither branch nor leaf`;
    if ("revision" in entry) return entry.revision;
    page = entry.child;
  }
  return 'the pages of bucket "key" form a circle';
}
