import type { Finding } from "./finding.ts";
import type { Revision } from "./manifest.ts";

/** What stock `snapshot status` says of a snapshot, by its names. */
export interface SnapshotStatus {
  /** CRC-32C of the names of all buckets and of all their rows. */
  readonly hash: number;
  /** Of the last row; 0 where a compaction has left none. */
  readonly revision: number;
  /** Rows of all buckets, as etcd up to 3.5 counts; from 3.6 on it counts live keys. */
  readonly totalKey: number;
  /** Bytes of the database, without the digest. */
  readonly totalSize: number;
  /** Storage version, from 3.6 on; else empty. */
  readonly version: string;
}

/** What the pages and rows of a snapshot say. */
export interface Inspection {
  /** What is wrong; empty when nothing is. */
  readonly findings: readonly Finding[];
  readonly status: SnapshotStatus;
  /** The revision that etcd has after a restore: a compaction does not take it back, as it does that of `status`. */
  readonly revision: Revision;
  /** The last compaction; -1 for none. */
  readonly compactRevision: Revision;
  /**
   * Keys that are not deleted. etcd from 3.6 on counts them as `totalKey`, and one more where `--bump-revision` has left a
   * row.
   */
  readonly liveKeys: number;
  readonly leases: number;
  readonly users: number;
  /** HashKV at `revision` with `compactRevision`, as a server that was restored gives it. */
  readonly hashKv: number;
}
