import type { KeyState } from "./key-table.ts";
import type { RevisionKey } from "./revision-key.ts";

/** etcd's revision before the first change. */
const FIRST_REVISION = 1;

/** A row of bucket `key`. */
export interface Row {
  /** The main revision that it stands under. */
  readonly main: number;
  readonly isTombstone: boolean;
  readonly keySize: number;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

/**
 * What is wrong with the place of a row, given the row before it, if any. etcd gives a main revision to each transaction
 * that changes something, without a gap, and sub-revisions from 0 on to its changes (`mvcc/kvstore_txn.go` put, delete,
 * End). So above the compaction, which takes rows away, a lost row leaves a hole.
 */
export function checkOrder(
  { main, sub }: RevisionKey,
  before: RevisionKey | undefined,
  compactRevision: number,
): string | undefined {
  if (main <= compactRevision) return undefined;
  const newest = Math.max(FIRST_REVISION, compactRevision, before?.main ?? 0);
  // Beyond, one revision cannot be told from the next.
  if (newest >= Number.MAX_SAFE_INTEGER) return undefined;
  const expected = main === before?.main ? before.sub + 1 : 0;
  if (main === before?.main || main === newest + 1) {
    return sub === expected ? undefined : `its sub-revision is ${sub}, and ${expected} was to follow`;
  }
  return `the revision before it is ${newest}`;
}

/**
 * What is wrong with a row, given the newest one of its key before it, if any. etcd counts a key's versions up by one from
 * its creation, and deletes only what is there (`mvcc/kvstore_txn.go` put and delete), so a hole in the history shows.
 * What a compaction has taken away, at or below `compactRevision`, is no hole.
 */
export function checkRow(row: Row, before: KeyState | undefined, compactRevision: number): string | undefined {
  if (row.isTombstone) return checkTombstone(row, before, compactRevision);
  if (row.keySize === 0) return "it has no key";
  if (row.modRevision !== row.main) return `it says that its revision is ${row.modRevision}`;
  if (row.version < 1 || row.createRevision > row.main || (row.version === 1) !== (row.createRevision === row.main)) {
    return `version ${row.version}, created at ${row.createRevision}, cannot be`;
  }
  const isFirst = row.version === 1;
  if (before === undefined) {
    return isFirst || row.main <= compactRevision ? undefined : `version ${row.version} of a key that was not there`;
  }
  if (!before.isLive) return isFirst ? undefined : `version ${row.version} of a key that was deleted`;
  const follows = row.version === before.version + 1 && row.createRevision === before.createRevision;
  return follows ? undefined : `version ${row.version} follows version ${before.version}`;
}

function checkTombstone(row: Row, before: KeyState | undefined, compactRevision: number): string | undefined {
  if (row.keySize === 0 || row.createRevision + row.modRevision + row.version > 0)
    return "its tombstone is no mere key";
  if (before === undefined) return row.main <= compactRevision ? undefined : "it deletes a key that was not there";
  return before.isLive ? undefined : "it deletes a key that was deleted before";
}
