/**
 * Pages of a bbolt file (bbolt `internal/common/page.go`, `meta.go`, `inode.go`): little endian, addressed by their
 * number. All functions read from `bytes`, in which the page begins at `start`.
 */

/** Bytes of a page's header; the elements follow. */
export const PAGE_HEADER_SIZE = 16;
/** Bytes of a branch or leaf element; keys and values lie behind the elements. */
export const ELEMENT_SIZE = 16;
/** Bytes of a meta page that mean something, the header included. */
export const META_SIZE = 80;
/** The sizes that operating systems give to pages, smallest first. */
export const PAGE_SIZES: readonly number[] = [4096, 8192, 16_384, 32_768, 65_536];

/** What a page's `flags` say that it is. */
export const PAGE_FLAG = { branch: 0x01, leaf: 0x02, meta: 0x04, freelist: 0x10 } as const;
/** The flag of a leaf element whose value is a bucket. */
export const BUCKET_FLAG = 0x01;

const META_MAGIC = 0xed0cdaed;
const META_VERSION = 2;

export interface PageHeader {
  readonly id: number;
  readonly flags: number;
  /** Elements on the page. */
  readonly count: number;
  /** Pages that follow and belong to this one. */
  readonly overflow: number;
}

/** The state of a database that one transaction left behind. */
export interface Meta {
  readonly pageSize: number;
  /** The root page of the root bucket, whose leaves name all other buckets. */
  readonly root: number;
  /** The page that lists the free ones; `undefined` when that is not kept in the file, as etcd has it. */
  readonly freelist: number | undefined;
  /** Pages of the file: `pageCount * pageSize` is its length. */
  readonly pageCount: number;
  readonly transaction: bigint;
}

/** An element of a leaf: `key` and `value` are offsets in the same bytes, possibly on an overflow page. */
export interface LeafElement {
  readonly flags: number;
  readonly key: number;
  readonly keySize: number;
  readonly value: number;
  readonly valueSize: number;
}

/** Where a bucket's rows are: in a tree of their own, or on a page inside the bucket's value. */
export interface BucketRoot {
  /** Number of the tree's root page; 0 = inline. */
  readonly root: number;
  /** Offset of the inline page; without meaning unless `root` is 0. */
  readonly inlinePage: number;
}

export function readUint16(bytes: Uint8Array, offset: number): number {
  return byte(bytes, offset) | (byte(bytes, offset + 1) << 8);
}

export function readUint32(bytes: Uint8Array, offset: number): number {
  return (readUint16(bytes, offset) | (readUint16(bytes, offset + 2) << 16)) >>> 0;
}

/** A page number or a size: beyond 2^53 it loses precision, and no file is that long. */
export function readUint64(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset) + readUint32(bytes, offset + 4) * 2 ** 32;
}

export function readPageHeader(bytes: Uint8Array, start: number): PageHeader {
  return {
    id: readUint64(bytes, start),
    flags: readUint16(bytes, start + 8),
    count: readUint16(bytes, start + 10),
    overflow: readUint32(bytes, start + 12),
  };
}

/** The meta page at `start`, or `undefined` if it is none or was written only in part. */
export function readMeta(bytes: Uint8Array, start: number): Meta | undefined {
  if (bytes.length < start + META_SIZE) return undefined;
  const body = start + PAGE_HEADER_SIZE;
  if (readUint32(bytes, body) !== META_MAGIC || readUint32(bytes, body + 4) !== META_VERSION) return undefined;
  if (fnv1a(bytes.subarray(body, body + 56)) !== readBigUint64(bytes, body + 56)) return undefined;
  return {
    pageSize: readUint32(bytes, body + 8),
    root: readUint64(bytes, body + 16),
    freelist: isAbsent(bytes, body + 32) ? undefined : readUint64(bytes, body + 32),
    pageCount: readUint64(bytes, body + 40),
    transaction: readBigUint64(bytes, body + 48),
  };
}

/** The number of the child page that the `index`th branch element points to. */
export function readBranchChild(bytes: Uint8Array, start: number, index: number): number {
  return readUint64(bytes, start + PAGE_HEADER_SIZE + index * ELEMENT_SIZE + 8);
}

export function readLeafElement(bytes: Uint8Array, start: number, index: number): LeafElement {
  const element = start + PAGE_HEADER_SIZE + index * ELEMENT_SIZE;
  const key = element + readUint32(bytes, element + 4);
  const keySize = readUint32(bytes, element + 8);
  const valueSize = readUint32(bytes, element + 12);
  return { flags: readUint32(bytes, element), key, keySize, value: key + keySize, valueSize };
}

/** The bucket that is the value of `element`. */
export function readBucketRoot(bytes: Uint8Array, element: LeafElement): BucketRoot {
  return { root: readUint64(bytes, element.value), inlinePage: element.value + 16 };
}

/** bbolt's `pgidNoFreelist`: all ones. */
function isAbsent(bytes: Uint8Array, offset: number): boolean {
  return readUint32(bytes, offset) === 0xffffffff && readUint32(bytes, offset + 4) === 0xffffffff;
}

function readBigUint64(bytes: Uint8Array, offset: number): bigint {
  return (BigInt(readUint32(bytes, offset + 4)) << 32n) | BigInt(readUint32(bytes, offset));
}

/** FNV-1a of 64 bits, the checksum of a meta page. */
function fnv1a(bytes: Uint8Array): bigint {
  return bytes.reduce(
    (hash, octet) => BigInt.asUintN(64, (hash ^ BigInt(octet)) * 0x100000001b3n),
    0xcbf29ce484222325n,
  );
}

function byte(bytes: Uint8Array, offset: number): number {
  return bytes[offset] ?? 0;
}
