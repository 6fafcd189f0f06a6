import { BackupError } from "../errors.ts";
import { type Revision, TRAILER_BYTES } from "../model/manifest.ts";
import { ByteRanges } from "./byte-range.ts";
import {
  isMetaLeaf,
  isRevisionSize,
  REVISION_PREFIX_SIZE,
  readMainRevision,
  readMetaRows,
  readRootLeaf,
} from "./etcd-buckets.ts";
import {
  BUCKET_FLAG,
  ELEMENT_SIZE,
  type LeafElement,
  type Meta,
  PAGE_FLAG,
  PAGE_HEADER_SIZE,
  type PageHeader,
  readBranchChild,
  readLeafElement,
  readMeta,
  readPageHeader,
  readUint64,
} from "./page.ts";
import { PageStream } from "./page-stream.ts";
import { PageTable } from "./page-table.ts";
import { findNewest, type IndexedPages } from "./revision-walk.ts";

/** What the bytes of a snapshot say about it. */
export interface IndexedSnapshot {
  /** etcd's revision: the newest of the last row's and the compactions', at least 1. */
  readonly revision: Revision;
  /** Storage version, e.g. `3.6.0`; empty before 3.6. */
  readonly storageVersion: string;
  /** Bytes of the database, without the digest. */
  readonly dbSize: number;
}

/** A leaf of the root bucket holds a few inline buckets of at most a quarter page each. */
const MAX_ROOT_OVERFLOW = 16;
/** Bucket `meta` has six rows; looking only at leaves of so few keeps the names of all other rows unread. */
const MAX_META_ROWS = 16;

/**
 * Finds the revision of a snapshot while its bytes pass, in 9 bytes of memory a page.
 *
 * Every physical page is looked at under its own number, never skipping by another page's overflow: a free page keeps a
 * stale overflow, which would skip live pages. The middle of a big row may look like a page; that is harmless, since no
 * tree leads there.
 */
export class RevisionIndex {
  readonly #stream = new PageStream((bytes, start) => this.#index(bytes, start));
  readonly #ranges = new ByteRanges();
  readonly #pages: IndexedPages = {
    table: new PageTable(),
    rootLeaves: new Map(),
    metaLeaves: new Map(),
    children: [],
  };
  #meta: Meta | undefined;
  #count = 0;

  /** Takes the next bytes of the snapshot, in slices of any size. Never throws: what is wrong is said at the end. */
  write(chunk: Uint8Array): void {
    this.#stream.write(chunk);
  }

  /**
   * What was found, once all bytes were written; the 32 bytes of the digest may have been among them or not. Throws
   * `SNAPSHOT_CORRUPT` when the bytes are no database of etcd's: no etcd could be restored from them.
   */
  finish(): IndexedSnapshot {
    const meta = this.#meta;
    if (meta === undefined) throw corrupt("it has no valid meta page");
    const dbSize = meta.pageCount * meta.pageSize;
    const { length } = this.#stream;
    if (length !== dbSize && length !== dbSize + TRAILER_BYTES) {
      throw corrupt(`it has ${length} bytes where its meta page tells of ${dbSize}`);
    }
    const newest = findNewest(this.#pages, meta.root);
    if (typeof newest === "string") throw corrupt(newest);
    return { ...newest, dbSize };
  }

  #index(bytes: Uint8Array, start: number): void {
    const number = this.#count++;
    const size = this.#stream.pageSize;
    if (this.#ranges.size > 0) this.#ranges.pass({ number, size }, bytes, start);
    if (number < 2) this.#takeMeta(readMeta(bytes, start));
    // A page that does not bear its own number is unused, or the middle of a row.
    if (readUint64(bytes, start) !== number) return;
    const header = readPageHeader(bytes, start);
    // bbolt splits a node so that the elements fit one page; only keys and values overflow (`node.go` splitTwo).
    if (PAGE_HEADER_SIZE + header.count * ELEMENT_SIZE > size) return;
    if (header.flags === PAGE_FLAG.branch) this.#indexBranch(header, bytes, start);
    else if (header.flags === PAGE_FLAG.leaf) this.#indexLeaf(header, bytes, start);
  }

  #takeMeta(meta: Meta | undefined): void {
    if (meta?.pageSize !== this.#stream.pageSize) return;
    if (this.#meta === undefined || meta.transaction > this.#meta.transaction) this.#meta = meta;
  }

  #indexBranch({ id, count }: PageHeader, bytes: Uint8Array, start: number): void {
    if (count === 0) return;
    this.#pages.table.setChild(id, readBranchChild(bytes, start, count - 1));
    if (id !== this.#meta?.root) return;
    for (let index = 0; index < count; index++) this.#pages.children.push(readBranchChild(bytes, start, index));
  }

  #indexLeaf(header: PageHeader, bytes: Uint8Array, start: number): void {
    const last = readLeafElement(bytes, start, header.count - 1);
    if (header.count === 0) this.#pages.table.setRevision(header.id, { high: 0, low: 0 });
    else if (last.flags === BUCKET_FLAG) this.#indexRootLeaf(header, bytes, start);
    else if (!this.#indexMetaLeaf(header, bytes, start)) this.#indexRow(header.id, last, { bytes, start });
  }

  #indexMetaLeaf({ id, count }: PageHeader, bytes: Uint8Array, start: number): boolean {
    const leaf = count <= MAX_META_ROWS ? bytes.subarray(start, start + this.#stream.pageSize) : undefined;
    if (leaf === undefined || !isMetaLeaf(leaf)) return false;
    this.#pages.metaLeaves.set(id, readMetaRows(leaf));
    return true;
  }

  /** The last key of a leaf of big rows lies on an overflow page, or is cut in two by the end of a page. */
  #indexRow(page: number, last: LeafElement, at: { readonly bytes: Uint8Array; readonly start: number }): void {
    if (!isRevisionSize(last.keySize)) return;
    const { pageSize } = this.#stream;
    const offset = last.key - at.start;
    if (offset + REVISION_PREFIX_SIZE <= pageSize) this.#setRevision(page, at.bytes, last.key);
    else {
      const range = { from: page * pageSize + offset, length: REVISION_PREFIX_SIZE };
      this.#collect(range, at, (prefix) => this.#setRevision(page, prefix, 0));
    }
  }

  #setRevision(page: number, bytes: Uint8Array, offset: number): void {
    const revision = readMainRevision(bytes, offset);
    if (revision) this.#pages.table.setRevision(page, revision);
  }

  #indexRootLeaf({ id, overflow }: PageHeader, bytes: Uint8Array, start: number): void {
    if (overflow > MAX_ROOT_OVERFLOW) return;
    const { pageSize } = this.#stream;
    this.#collect({ from: id * pageSize, length: (overflow + 1) * pageSize }, { bytes, start }, (leaf) => {
      this.#pages.rootLeaves.set(id, readRootLeaf(leaf));
    });
  }

  #collect(
    range: { readonly from: number; readonly length: number },
    at: { readonly bytes: Uint8Array; readonly start: number },
    done: (bytes: Uint8Array) => void,
  ): void {
    const page = { number: this.#count - 1, size: this.#stream.pageSize };
    this.#ranges.want(range, page.size, done);
    this.#ranges.pass(page, at.bytes, at.start);
  }
}

function corrupt(why: string): BackupError {
  return new BackupError("SNAPSHOT_CORRUPT", `Cannot find the revision of the snapshot: ${why}`, {
    hint: "Take another one; if it happens again, check this member with `etcdutl snapshot status` and repair or replace it",
  });
}
