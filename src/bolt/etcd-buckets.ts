import type { Revision } from "../model/manifest.ts";
import { BUCKET_FLAG, type LeafElement, readBucketRoot, readLeafElement, readPageHeader, readUint32 } from "./page.ts";

/** A revision as it stands in a key of bucket `key`: the halves of the main revision's 64 bits. */
export interface MainRevision {
  readonly high: number;
  readonly low: number;
}

/** What rows of bucket `meta` say. */
export interface MetaRows {
  /** Revisions that compactions were begun or finished at. */
  readonly compactRevisions: readonly Revision[];
  /** Storage version, e.g. `3.6.0`; empty before 3.6. */
  readonly storageVersion: string;
}

/** A bucket: the root page of its tree, or what its inline page says. */
export type Bucket<Inline> = { readonly root: number } | { readonly inline: Inline | undefined };

/** The buckets, named on a leaf of the root bucket, that tell the revision. */
export interface RootLeaf {
  readonly key?: Bucket<MainRevision>;
  readonly meta?: Bucket<MetaRows>;
}

/** Bytes at the beginning of a key of bucket `key` that are read: main revision and the `_` behind it. */
export const REVISION_PREFIX_SIZE = 9;

/** Keys of bucket `meta` (etcd `schema/schema.go`) that tell its leaf from all others. */
const META_KEYS: readonly string[] = ["consistent_index", "scheduledCompactRev", "finishedCompactRev"];
const COMPACTION_KEYS = ["scheduledCompactRev", "finishedCompactRev"] as const;
const MAX_VERSION_BYTES = 32;
const UNDERSCORE = 0x5f;
const NO_REVISION: MainRevision = { high: 0, low: 0 };
const decoder = new TextDecoder();

export function toRevision({ high, low }: MainRevision): Revision {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** Whether an element's key has the length of a revision: 17 bytes, or 18 for a tombstone (etcd `mvcc/revision.go`). */
export function isRevisionSize(keySize: number): boolean {
  return keySize === 17 || keySize === 18;
}

/** The main revision in a key's first bytes, or `undefined` if they are no revision. */
export function readMainRevision(bytes: Uint8Array, start: number): MainRevision | undefined {
  if (bytes[start + 8] !== UNDERSCORE) return undefined;
  return { high: readBigEndian(bytes, start), low: readBigEndian(bytes, start + 4) };
}

/** The revision of the last row of a leaf of bucket `key` that lies within `bytes`; 0 when it has no rows. */
export function readLastRevision(bytes: Uint8Array, start: number): MainRevision | undefined {
  const { count } = readPageHeader(bytes, start);
  if (count === 0) return NO_REVISION;
  const element = readLeafElement(bytes, start, count - 1);
  return isRevisionSize(element.keySize) ? readMainRevision(bytes, element.key) : undefined;
}

/** Whether the leaf `bytes` is one of bucket `meta`, by the names of its rows. */
export function isMetaLeaf(bytes: Uint8Array): boolean {
  return leafElements(bytes, 0).some((element) => META_KEYS.includes(textOf(bytes, element)));
}

/** The rows of bucket `meta` on its leaf; a bucket without rows tells of no compaction. */
export function readMetaRows(bytes: Uint8Array, start = 0): MetaRows {
  const rows = new Map(leafElements(bytes, start).map((element) => [textOf(bytes, element), element]));
  const revisions = COMPACTION_KEYS.map((name) => compactRevision(bytes, rows.get(name)));
  return {
    compactRevisions: revisions.filter((revision) => revision !== undefined),
    storageVersion: versionOf(bytes, rows.get("storageVersion")),
  };
}

/** The buckets named on the leaf `bytes` of the root bucket; none if it is no such leaf. */
export function readRootLeaf(bytes: Uint8Array): RootLeaf {
  const buckets = new Map(
    leafElements(bytes, 0)
      .filter((element) => element.flags === BUCKET_FLAG)
      .map((element) => [textOf(bytes, element), element]),
  );
  const key = bucketOf(bytes, buckets.get("key"), readLastRevision);
  const meta = bucketOf(bytes, buckets.get("meta"), readMetaRows);
  return { ...(key && { key }), ...(meta && { meta }) };
}

function bucketOf<Inline>(
  bytes: Uint8Array,
  element: LeafElement | undefined,
  read: (bytes: Uint8Array, start: number) => Inline | undefined,
): Bucket<Inline> | undefined {
  if (element === undefined) return undefined;
  const { root, inlinePage } = readBucketRoot(bytes, element);
  return root > 0 ? { root } : { inline: read(bytes, inlinePage) };
}

/** The elements of a leaf; none when they cannot all be within `bytes`. */
function leafElements(bytes: Uint8Array, start: number): LeafElement[] {
  const { count } = readPageHeader(bytes, start);
  const elements: LeafElement[] = [];
  for (let index = 0; index < count; index++) {
    const element = readLeafElement(bytes, start, index);
    if (element.value + element.valueSize > bytes.length) return [];
    elements.push(element);
  }
  return elements;
}

/** One of another length is none: pages of a crafted file could fill memory with them. */
function versionOf(bytes: Uint8Array, element: LeafElement | undefined): string {
  if (element === undefined || element.valueSize > MAX_VERSION_BYTES) return "";
  return decoder.decode(bytes.subarray(element.value, element.value + element.valueSize));
}

function compactRevision(bytes: Uint8Array, element: LeafElement | undefined): Revision | undefined {
  const revision = element && isRevisionSize(element.valueSize) ? readMainRevision(bytes, element.value) : undefined;
  return revision && toRevision(revision);
}

function textOf(bytes: Uint8Array, element: LeafElement): string {
  return decoder.decode(bytes.subarray(element.key, element.key + element.keySize));
}

/** Four bytes in etcd's own order. */
export function readBigEndian(bytes: Uint8Array, offset: number): number {
  const value = readUint32(bytes, offset);
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}
