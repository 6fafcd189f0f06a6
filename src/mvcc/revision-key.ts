import { readBigEndian } from "../bolt/etcd-buckets.ts";
import type { Slice } from "../bolt/page-check.ts";

/** A key of bucket `key`: `main_sub`, of 64 bits each, and a `t` behind it for a tombstone (etcd `mvcc/revision.go`). */
export interface RevisionKey {
  /** Exact up to 2^53, as all numbers here. */
  readonly main: number;
  /** Counts the changes of one transaction from 0 on. */
  readonly sub: number;
  readonly isTombstone: boolean;
}

const SIZE = 17;
const UNDERSCORE = 0x5f;
const TOMBSTONE = 0x74;

/** The revision that a key is, or `undefined` if it is none. */
export function readRevisionKey({ bytes, start, end }: Slice): RevisionKey | undefined {
  const isTombstone = end - start === SIZE + 1;
  if (end - start !== SIZE && !(isTombstone && bytes[end - 1] === TOMBSTONE)) return undefined;
  if (bytes[start + 8] !== UNDERSCORE) return undefined;
  return { main: readUint64(bytes, start), sub: readUint64(bytes, start + 9), isTombstone };
}

function readUint64(bytes: Uint8Array, at: number): number {
  return readBigEndian(bytes, at) * 2 ** 32 + readBigEndian(bytes, at + 4);
}
