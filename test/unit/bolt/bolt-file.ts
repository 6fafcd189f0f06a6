import { firstVersion } from "./key-value.ts";

/** Builds database files as bbolt lays them out, to try what a real etcd will not do on demand. */

export interface BoltFileOptions {
  readonly pageSize: number;
  /** Sizes of the values in bucket `key`; row i has main revision `firstRevision + i`. */
  readonly valueSizes: readonly number[];
  readonly firstRevision: bigint;
  readonly compactRevision?: bigint;
  readonly storageVersion?: string;
  /** Gives bucket `meta` a page of its own. */
  readonly metaOnPage?: boolean;
  /** Spreads the root bucket over two leaves. */
  readonly rootOnBranch?: boolean;
  /** Puts a free page before each page: it looks like a leaf of newer rows and claims a long overflow. */
  readonly stale?: boolean;
}

/** A row, or a bucket when `flags` is 1. */
export interface Item {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly flags?: number;
}

const STALE_REVISION = 999_999_999n;

export function boltFile(options: BoltFileOptions): Buffer {
  return new BoltWriter(options).build();
}

class BoltWriter {
  readonly #options: BoltFileOptions;
  readonly #pages: BoltPages;

  constructor(options: BoltFileOptions) {
    this.#options = options;
    this.#pages = new BoltPages(options);
  }

  build(): Buffer {
    const { compactRevision, storageVersion, firstRevision } = this.#options;
    const rows = this.#options.valueSizes.map((size, index) => ({
      key: revisionKey(firstRevision + BigInt(index)),
      value: firstVersion(`key-${index}`, firstRevision + BigInt(index), size),
    }));
    const meta: Item[] = [{ key: Buffer.from("consistent_index"), value: Buffer.alloc(8) }];
    if (compactRevision !== undefined) {
      meta.push({ key: Buffer.from("finishedCompactRev"), value: revisionKey(compactRevision) });
    }
    if (storageVersion) meta.push({ key: Buffer.from("storageVersion"), value: Buffer.from(storageVersion) });
    const key = this.#pages.tree(rows);
    const buckets: Item[] = [
      { key: Buffer.from("alarm"), value: bucket(0, leaf([])), flags: 1 },
      { key: Buffer.from("key"), value: bucket(key), flags: 1 },
      {
        key: Buffer.from("meta"),
        value: this.#options.metaOnPage ? bucket(this.#pages.page(leaf(meta))) : bucket(0, leaf(meta)),
        flags: 1,
      },
    ];
    return this.#pages.file(this.#options.rootOnBranch ? this.#spread(buckets) : this.#pages.page(leaf(buckets)));
  }

  #spread(buckets: readonly Item[]): number {
    const nodes = [buckets.slice(0, 2), buckets.slice(2)].map((items) => ({
      key: items[0]?.key ?? Buffer.alloc(0),
      page: this.#pages.page(leaf(items)),
    }));
    return this.#pages.page(branch(nodes));
  }
}

/** The pages of a file, one after the other. */
export class BoltPages {
  readonly #pageSize: number;
  readonly #stale: boolean;
  readonly #pages: Buffer[] = [];

  constructor({ pageSize, stale = false }: { readonly pageSize: number; readonly stale?: boolean }) {
    this.#pageSize = pageSize;
    this.#stale = stale;
  }

  /** Leaves of at least two rows below branches, as bbolt splits nodes; returns the root's number. */
  tree(rows: readonly Item[]): number {
    let nodes: { key: Buffer; page: number }[] = [];
    for (let from = 0; from === 0 || from < rows.length; ) {
      let end = from;
      for (let size = 16; end < rows.length; end++) {
        size += 16 + (rows[end]?.key.length ?? 0) + (rows[end]?.value.length ?? 0);
        if (end >= from + 2 && size > this.#pageSize * 0.9) break;
      }
      const some = rows.slice(from, end);
      nodes.push({ key: some[0]?.key ?? Buffer.alloc(0), page: this.page(leaf(some)) });
      from = end === from ? end + 1 : end;
    }
    while (nodes.length > 1) nodes = this.#level(nodes);
    return nodes[0]?.page ?? 0;
  }

  /** Adds a page, with overflow if `body` is long, and returns its number. */
  page(body: Buffer): number {
    if (this.#stale) this.#put(leaf([{ key: revisionKey(STALE_REVISION), value: Buffer.alloc(3) }]), 1000);
    return this.#put(body);
  }

  /** The file, with meta pages in front; the older one names a root that leads nowhere. */
  file(root: number, freelist?: number): Buffer {
    const meta = { root, freelist, pageCount: this.#pages.length + 2 };
    const metas = [
      metaPage(this.#pageSize, { ...meta, transaction: 7n }),
      metaPage(this.#pageSize, { ...meta, number: 1, root: 1, transaction: 6n }),
    ];
    return Buffer.concat([...metas, ...this.#pages]);
  }

  #level(nodes: { key: Buffer; page: number }[]): { key: Buffer; page: number }[] {
    const width = Math.floor((this.#pageSize * 0.9) / 33);
    const parents: { key: Buffer; page: number }[] = [];
    for (let from = 0; from < nodes.length; from += width) {
      const children = nodes.slice(from, from + width);
      parents.push({ key: children[0]?.key ?? Buffer.alloc(0), page: this.page(branch(children)) });
    }
    return parents;
  }

  /** Page header: id, flags, count, overflow. */
  #put(body: Buffer, staleOverflow?: number): number {
    const pageSize = this.#pageSize;
    const number = this.#pages.length + 2;
    const pages = Math.ceil(body.length / pageSize);
    const run = Buffer.alloc(pages * pageSize);
    body.copy(run);
    run.writeBigUInt64LE(BigInt(number), 0);
    run.writeUInt32LE(staleOverflow ?? pages - 1, 12);
    for (let index = 0; index < pages; index++) {
      this.#pages.push(run.subarray(index * pageSize, (index + 1) * pageSize));
    }
    return number;
  }
}

/** A key of bucket `key`; a tombstone's has a `t` behind it. */
export function revisionKey(main: bigint, sub = 0n): Buffer {
  const key = Buffer.alloc(17);
  key.writeBigUInt64BE(main, 0);
  key.write("_", 8);
  key.writeBigUInt64BE(sub, 9);
  return key;
}

/** A bucket's value. */
export function bucket(root: number, inline?: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeBigUInt64LE(BigInt(root), 0);
  return inline ? Buffer.concat([head, inline]) : head;
}

/** The bytes of a leaf, without a number. */
export function leaf(items: readonly Item[]): Buffer {
  const body = pageBody(2, items.length);
  let position = items.length * 16;
  for (const [index, { key, value, flags = 0 }] of items.entries()) {
    const at = 16 + index * 16;
    body.writeUInt32LE(flags, at);
    body.writeUInt32LE(position - index * 16, at + 4);
    body.writeUInt32LE(key.length, at + 8);
    body.writeUInt32LE(value.length, at + 12);
    position += key.length + value.length;
  }
  return Buffer.concat([body, ...items.flatMap(({ key, value }) => [key, value])]);
}

export function branch(nodes: readonly { key: Buffer; page: number }[]): Buffer {
  const body = pageBody(1, nodes.length);
  let position = nodes.length * 16;
  for (const [index, { key, page }] of nodes.entries()) {
    const at = 16 + index * 16;
    body.writeUInt32LE(position - index * 16, at);
    body.writeUInt32LE(key.length, at + 4);
    body.writeBigUInt64LE(BigInt(page), at + 8);
    position += key.length;
  }
  return Buffer.concat([body, ...nodes.map(({ key }) => key)]);
}

/** The header and room for the elements. */
export function pageBody(flags: number, count: number): Buffer {
  const body = Buffer.alloc(16 + count * 16);
  body.writeUInt16LE(flags, 8);
  body.writeUInt16LE(count, 10);
  return body;
}

interface MetaFields {
  readonly number?: 0 | 1;
  readonly root: number;
  /** None by default, as etcd keeps none. */
  readonly freelist?: number | undefined;
  readonly pageCount: number;
  readonly transaction: bigint;
}

/** A valid meta page. */
export function metaPage(pageSize: number, meta: MetaFields): Buffer {
  const page = Buffer.alloc(pageSize);
  page.writeBigUInt64LE(BigInt(meta.number ?? 0), 0);
  page.writeUInt16LE(4, 8);
  page.writeUInt32LE(0xed0cdaed, 16);
  page.writeUInt32LE(2, 20);
  page.writeUInt32LE(pageSize, 24);
  page.writeBigUInt64LE(BigInt(meta.root), 32);
  page.writeBigUInt64LE(meta.freelist === undefined ? 2n ** 64n - 1n : BigInt(meta.freelist), 48);
  page.writeBigUInt64LE(BigInt(meta.pageCount), 56);
  page.writeBigUInt64LE(meta.transaction, 64);
  let hash = 0xcbf29ce484222325n;
  for (const byte of page.subarray(16, 72)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  page.writeBigUInt64LE(hash, 72);
  return page;
}
