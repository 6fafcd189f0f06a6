import type { Instant } from "../model/time.ts";
import type { Member } from "./snapshot-source.ts";

/** A member as it described itself, and how far it is with the raft log. */
export interface MemberStatus {
  readonly member: Member;
  readonly isLearner: boolean;
  readonly hasLeader: boolean;
  /** The last entry that it knows to be committed, and the last that it has applied. */
  readonly raftIndex: number;
  readonly appliedIndex: number;
}

/** etcd, asked member by member. Rejects with a `BackupError` (`ETCD_…`), or with `signal.reason`; each call has a bound. */
export interface EtcdProbe extends AsyncDisposable {
  /** The configured endpoints, with scheme and port. */
  readonly endpoints: readonly string[];
  /** The configured user, or empty. */
  readonly username: string;
  status(endpoint: string, signal: AbortSignal): Promise<MemberStatus>;
  /** Resolves once the quorum has answered a read through this member. */
  confirm(endpoint: string, signal: AbortSignal): Promise<void>;
  /** The roles of the configured user. */
  roles(endpoint: string, signal: AbortSignal): Promise<readonly string[]>;
  /** The client certificate and when it ends, or `undefined` when none is configured. */
  certificate(signal: AbortSignal): Promise<{ readonly path: string; readonly notAfter: Instant } | undefined>;
}
