import type { KeyState } from "./key-table.ts";

/** A row of bucket `key`. */
export interface Row {
  /** The main revision that it stands under. */
  readonly main: number;
  readonly isTombstone: boolean;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

/**
 * What is wrong with a row, given the newest one of its key before it, if any. etcd counts a key's versions up by one from
 * its creation, and deletes only what is there (`mvcc/kvstore_txn.go` put and delete), so a hole in the history shows.
 * What a compaction has taken away, at or below `compactRevision`, is no hole.
 */
export function checkRow(row: Row, before: KeyState | undefined, compactRevision: number): string | undefined {
  if (row.isTombstone) return checkTombstone(row, before, compactRevision);
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
  if (before === undefined) return row.main <= compactRevision ? undefined : "it deletes a key that was not there";
  return before.isLive ? undefined : "it deletes a key that was deleted before";
}
