import { TRAILER_BYTES } from "../model/manifest.ts";
import { compressionOf } from "../model/snapshot-file.ts";
import type { ByteSource } from "./byte-source.ts";
import { META_SIZE, type Meta, PAGE_SIZES, readMeta } from "./page.ts";

/** A bbolt file whose newest meta page was found. */
export interface Database extends Meta {
  readonly source: ByteSource;
  /** Whether the 32 bytes of etcd's digest follow the database, as they do in a snapshot. */
  readonly hasTrailer: boolean;
}

/** Two meta pages and the root bucket's. */
const MIN_PAGES = 3;
const HEAD_BYTES = Math.max(...PAGE_SIZES) + META_SIZE;

/** Opens the database in `source`; what keeps it from being one is returned as text. */
export async function openDatabase(source: ByteSource, signal: AbortSignal): Promise<Database | string> {
  if (source.size === 0) return "it is empty";
  const head = await source.read(0, Math.min(HEAD_BYTES, source.size), signal);
  const meta = newestMeta(head);
  if (meta === undefined) return explain(head);
  if (meta.pageCount < MIN_PAGES)
    return `its meta page tells of ${meta.pageCount} pages, and ${MIN_PAGES} are the least`;
  const dbSize = meta.pageCount * meta.pageSize;
  const behind = source.size - dbSize;
  if (behind < 0) return `it has ${source.size} bytes, and its meta page tells of ${dbSize}: it is cut short`;
  // The file of a member is longer than its database by pages that are not used yet (bbolt `db.go` grow).
  if (behind !== TRAILER_BYTES && behind % meta.pageSize !== 0) {
    return `it has ${source.size} bytes, and its meta page tells of ${dbSize}: what follows is no digest and no whole pages`;
  }
  return { ...meta, source, hasTrailer: behind === TRAILER_BYTES };
}

/**
 * The valid meta page of the later transaction (bbolt `db.go` meta). The second one lies a page behind the first, and only
 * when the first is torn has the size of a page to be guessed: a big value may look like a meta page of another size.
 */
function newestMeta(head: Uint8Array): Meta | undefined {
  const first = metaAt(head, 0);
  const sizes = first ? [first.pageSize] : PAGE_SIZES;
  const second = sizes.map((size) => metaAt(head, size)).find((meta, index) => meta?.pageSize === sizes[index]);
  return first && second ? (second.transaction > first.transaction ? second : first) : (first ?? second);
}

function metaAt(head: Uint8Array, start: number): Meta | undefined {
  const meta = readMeta(head, start);
  return meta && PAGE_SIZES.includes(meta.pageSize) ? meta : undefined;
}

function explain(head: Uint8Array): string {
  const compression = compressionOf(head);
  return compression ? `it is compressed with ${compression}` : "it has no valid meta page, so it is no bbolt database";
}
