import { BoltPages, bucket, type Item, leaf, revisionKey } from "../bolt/bolt-file.ts";

/** A change of one transaction. */
export type Change = { readonly put: string; readonly size?: number } | { readonly delete: string };

export interface KeyValue {
  readonly key: Buffer;
  readonly createRevision?: bigint;
  readonly modRevision?: bigint;
  readonly version?: bigint;
  readonly value?: Buffer;
  readonly lease?: bigint;
}

/** A row of bucket `key`, with what it stands for. */
export interface ModelRow extends Item {
  readonly main: number;
  readonly name: string;
  readonly isTombstone: boolean;
}

interface Version {
  readonly create: number;
  readonly version: number;
}

/** etcd's key space in its plainest form: what it writes, what a compaction leaves, and HashKV as it is defined. */
export class ModelStore {
  revision = 1;
  rows: ModelRow[] = [];
  compacted = -1;
  readonly #live = new Map<string, Version>();

  /** One transaction; deleting what is not there changes nothing. */
  commit(changes: readonly Change[]): void {
    const main = this.revision + 1;
    let sub = 0;
    const touched = new Set<string>();
    for (const change of changes) {
      const name = "put" in change ? change.put : change.delete;
      if (touched.has(name) || ("delete" in change && !this.#live.has(name))) continue;
      touched.add(name);
      this.rows.push("put" in change ? this.#put(change, { main, sub }) : this.#delete(name, { main, sub }));
      sub++;
    }
    if (sub > 0) this.revision = main;
  }

  /** Removes what no revision from `at` on needs. etcd from 3.5.16 on keeps a tombstone at the compaction itself. */
  compact(at: number, { keepsTombstone = false, removes = true } = {}): void {
    this.compacted = at;
    if (!removes) return;
    const last = new Map(this.rows.filter(({ main }) => main <= at).map((row) => [row.name, row]));
    this.rows = this.rows.filter((row) => {
      if (row.main > at) return true;
      return last.get(row.name) === row && (!row.isTombstone || (keepsTombstone && row.main === at));
    });
  }

  get liveKeys(): number {
    return this.#live.size;
  }

  /** As etcd defines it, in two passes. */
  hashKv(revision: number, compactRevision: number): number {
    const seen = this.rows.filter(({ main }) => main <= revision);
    const last = new Map(seen.map((row) => [row.name, row]));
    const keep = new Set([...last.values()].filter(({ isTombstone }) => !isTombstone));
    let hash = slowCrc32c(0, Buffer.from("key"));
    for (const row of seen) {
      if (row.main <= compactRevision && keep.size > 0 && !keep.has(row)) continue;
      if (row.main === compactRevision && row.isTombstone) continue;
      hash = slowCrc32c(hash, Buffer.concat([row.key, row.value]));
    }
    return hash;
  }

  file(pageSize = 4096): Buffer {
    return keySpaceFile(this.rows, { pageSize, compacted: this.compacted });
  }

  #put({ put: name, size = 5 }: { readonly put: string; readonly size?: number }, at: { main: number; sub: number }) {
    const before = this.#live.get(name);
    const next = { create: before?.create ?? at.main, version: (before?.version ?? 0) + 1 };
    this.#live.set(name, next);
    const value = encodeKeyValue({
      key: Buffer.from(name),
      createRevision: BigInt(next.create),
      modRevision: BigInt(at.main),
      version: BigInt(next.version),
      value: Buffer.alloc(size, at.main),
    });
    return { key: revisionKey(BigInt(at.main), BigInt(at.sub)), value, main: at.main, name, isTombstone: false };
  }

  #delete(name: string, at: { main: number; sub: number }) {
    this.#live.delete(name);
    const key = Buffer.concat([revisionKey(BigInt(at.main), BigInt(at.sub)), Buffer.from("t")]);
    return { key, value: encodeKeyValue({ key: Buffer.from(name) }), main: at.main, name, isTombstone: true };
  }
}

/** A database with these rows in bucket `key`. */
export function keySpaceFile(
  rows: readonly Item[],
  { pageSize = 4096, compacted = -1 }: { readonly pageSize?: number; readonly compacted?: number } = {},
): Buffer {
  const pages = new BoltPages({ pageSize });
  const meta: Item[] = [{ key: Buffer.from("consistent_index"), value: Buffer.alloc(8) }];
  if (compacted >= 0) meta.push({ key: Buffer.from("scheduledCompactRev"), value: revisionKey(BigInt(compacted)) });
  const key = bucket(pages.tree(rows));
  return pages.file(
    pages.page(
      leaf([
        { key: Buffer.from("key"), value: key, flags: 1 },
        { key: Buffer.from("meta"), value: bucket(0, leaf(meta)), flags: 1 },
      ]),
    ),
  );
}

/** The wire form of `mvccpb.KeyValue`, which leaves zeros out. */
export function encodeKeyValue(fields: KeyValue): Buffer {
  const { key, createRevision = 0n, modRevision = 0n, version = 0n, value = Buffer.alloc(0), lease = 0n } = fields;
  return Buffer.concat([
    ...bytesField(0x0a, key),
    ...varintField(0x10, createRevision),
    ...varintField(0x18, modRevision),
    ...varintField(0x20, version),
    ...bytesField(0x2a, value),
    ...varintField(0x30, lease),
  ]);
}

function bytesField(tag: number, bytes: Buffer): Buffer[] {
  return bytes.length === 0 ? [] : [Buffer.from([tag, ...varint(BigInt(bytes.length))]), bytes];
}

function varintField(tag: number, value: bigint): Buffer[] {
  return value === 0n ? [] : [Buffer.from([tag, ...varint(BigInt.asUintN(64, value))])];
}

function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)];
}

/** CRC-32C bit by bit. */
export function slowCrc32c(crc: number, bytes: Uint8Array): number {
  let state = ~crc;
  for (const byte of bytes) {
    state ^= byte;
    for (let bit = 0; bit < 8; bit++) state = (state & 1) === 0 ? state >>> 1 : (state >>> 1) ^ 0x82f63b78;
  }
  return ~state >>> 0;
}
