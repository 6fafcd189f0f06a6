import type { Slice } from "../bolt/page-check.ts";

/** A key of bucket `key`: `main_sub`, and a `t` behind it for a tombstone (etcd `mvcc/revision.go`). */
export interface RevisionKey {
  /** Exact up to 2^53. */
  readonly main: number;
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
  const main = readUint32(bytes, start) * 2 ** 32 + readUint32(bytes, start + 4);
  return { main, isTombstone };
}

function readUint32(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
  return a * 2 ** 24 + ((b << 16) | (c << 8) | d);
}
