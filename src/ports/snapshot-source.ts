import type { Revision } from "../model/manifest.ts";

/** A member of the cluster as it described itself just now. Ids are hex, as etcdctl prints them. */
export interface Member {
  readonly endpoint: string;
  readonly clusterId: string;
  readonly memberId: string;
  readonly memberName: string;
  /** etcd's version, e.g. `3.5.16`. */
  readonly etcdVersion: string;
  readonly isLeader: boolean;
  /** Bytes of the database file. */
  readonly dbSize: number;
  /** Bytes of it that are in use; 0 when the server does not say. */
  readonly dbSizeInUse: number;
  /** Alarms raised anywhere in the cluster, e.g. `NOSPACE`, `CORRUPT`. */
  readonly alarms: readonly string[];
}

/** The member to take a snapshot from, and what a read through it said. */
export interface SnapshotOrigin {
  readonly member: Member;
  /** Whether the member answered a linearizable read, so that its snapshot cannot be stale. */
  readonly linearized: boolean;
  /** Revision of that read; without quorum, of a serializable one. */
  readonly readRevision: Revision;
  /** Live keys at that revision. */
  readonly liveKeys: number;
}

/** HashKV as a member gives it. */
export interface KeySpaceHash {
  /** The member's URL. */
  readonly member: string;
  readonly hash: number;
  /** The compaction that the hash goes by; -1 for none. */
  readonly compactRevision: Revision;
}

/** A snapshot that etcd is sending: it holds a read transaction there until it is disposed of. */
export interface SnapshotStream extends AsyncDisposable {
  /** Bytes that will come, the 32 of the digest included. */
  readonly snapshotSize: number;
  /**
   * Hands on every byte in order, waiting whenever `write` returns a promise. Resolves only when all
   * bytes came (`remaining_bytes` 0) and etcd closed with status OK; a stream that merely ends rejects
   * with `ETCD_STREAM_BROKEN`. The digest is the caller's to check. May be called once.
   */
  pump(write: (blob: Uint8Array) => Promise<void> | undefined): Promise<void>;
}

/**
 * etcd. Rejects with a `BackupError` (`ETCD_…`), or with `signal.reason` when aborted. Never retries a
 * stream; a token that etcd refuses is renewed once.
 */
export interface SnapshotSource extends AsyncDisposable {
  /**
   * Picks a healthy member that is no learner: a follower in step with the leader, else the leader.
   * Members in `avoid` are taken only when there is no other.
   */
  choose(avoid: ReadonlySet<string>, signal: AbortSignal): Promise<SnapshotOrigin>;
  /** Opens the stream. The first message has arrived when this resolves. */
  open(member: Member, signal: AbortSignal): Promise<SnapshotStream>;
  /** Bytes of the member's database file now. */
  dbSize(member: Member, signal: AbortSignal): Promise<number>;
  /** Live keys of the member at a revision. Rejects with `ETCD_REFUSED` when that was compacted. */
  countKeys(member: Member, revision: Revision, signal: AbortSignal): Promise<number>;
  /**
   * HashKV at a revision. The member scans its key space and takes no writes meanwhile. Rejects with `ETCD_REFUSED` when
   * the revision was compacted or has not come yet.
   */
  hashKv(member: Member, revision: Revision, signal: AbortSignal): Promise<KeySpaceHash>;
}
