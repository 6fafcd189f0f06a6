import type { SnapshotName } from "./snapshot-name.ts";
import type { Instant } from "./time.ts";

/** What pruning has to know of a stored snapshot. */
export interface RetentionCandidate {
  readonly name: SnapshotName;
  /** Snapshots of one tick, from several nodes, count once and are kept or deleted together. */
  readonly tick: Instant;
  readonly kind: "scheduled" | "on-demand";
  readonly timeline: string;
  /** By the store's clock: it orders snapshots. */
  readonly storedAt: Instant;
  /** History looked wrong at it, and nobody has accepted it. */
  readonly suspect: boolean;
  /** False when a check has found it damaged: then it takes no other snapshot's place. */
  readonly good: boolean;
  /** A check has found its bytes corrupt: it stays as evidence until somebody deletes it by hand. */
  readonly corrupt?: boolean;
  /** Until when the store refuses to delete it. */
  readonly lockedUntil?: Instant | undefined;
}

/** How many ticks each rule keeps; durations in milliseconds. All rules zero: nothing is deleted. */
export interface RetentionPolicy {
  readonly last: number;
  readonly hourly: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
  readonly within: number;
  /** IANA name: whose days, weeks, months and years. */
  readonly timezone: string;
  /** At most so many snapshots are deleted by one plan. */
  readonly maxDeletes: number;
  /** The rules for snapshots that were taken by hand; no other rule speaks of them. */
  readonly onDemand: { readonly last: number; readonly within: number };
}
