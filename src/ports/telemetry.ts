import type { Level } from "../model/check-record.ts";
import type { Manifest } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import type { Instant } from "../model/time.ts";
import type { CredentialsDescription } from "./credentials.ts";

export interface BackupFailure {
  readonly snapshot: SnapshotName | undefined;
  readonly tick: Instant;
  readonly attempt: number;
  readonly error: unknown;
  /** When it is tried again, or `undefined` when it is given up for this tick. */
  readonly retryAt: Instant | undefined;
}

export interface StoreOutcome {
  /** The store's own URL. */
  readonly store: string;
  readonly manifest: Manifest;
  readonly durationMs: number;
}

export interface PruneSummary {
  readonly store: string;
  readonly kept: number;
  readonly deleted: readonly SnapshotName[];
  /** Hidden by a versioned bucket, which keeps their bytes. */
  readonly hidden: readonly SnapshotName[];
  /** Snapshots whose deletion was wanted and did not come about, with the reason. */
  readonly left: Readonly<Record<SnapshotName, string>>;
  /** Why pruning of some timelines stands still; empty when none does. */
  readonly frozen: readonly string[];
}

export interface SweepSummary {
  readonly store: string;
  readonly recoveredRuns: readonly SnapshotName[];
  readonly abandonedUploads: number;
}

export interface VerifySummary {
  readonly snapshot: SnapshotName;
  readonly store: string;
  readonly level: Level;
  readonly passed: boolean;
  /** What is wrong with it. */
  readonly findings: readonly string[];
  readonly durationMs: number;
}

export interface DrillSummary {
  readonly snapshot: SnapshotName;
  readonly store: string;
  readonly passed: boolean;
  readonly findings: readonly string[];
  /** From the first byte fetched to the first answer of the restored etcd. */
  readonly timeToRestoreMs: number;
  /** URL of the evidence. */
  readonly record: string;
}

/** One method for each thing that operators are told. No method throws or waits. */
export interface Telemetry {
  daemonStarted(fields: {
    readonly version: string;
    readonly config: string;
    readonly stores: readonly string[];
  }): void;
  scheduleNext(fields: { readonly tick: Instant; readonly at: Instant }): void;
  backupStarted(fields: { readonly snapshot: SnapshotName; readonly tick: Instant; readonly member: string }): void;
  /** Once for each store that holds the snapshot now. */
  backupFinished(fields: StoreOutcome): void;
  backupFailed(fields: BackupFailure): void;
  backupSkipped(fields: { readonly tick: Instant; readonly why: string }): void;
  pruneFinished(fields: PruneSummary): void;
  drillFinished(fields: DrillSummary): void;
  /** Once for each copy that was looked at. */
  verifyFinished(fields: VerifySummary): void;
  credentialsChanged(fields: CredentialsDescription): void;
  credentialsRejected(fields: { readonly source: string; readonly keyTail: string; readonly error: unknown }): void;
  sweepFinished(fields: SweepSummary): void;
  historySuspect(fields: { readonly snapshot: SnapshotName; readonly reasons: readonly string[] }): void;
  daemonStopping(fields: { readonly why: string }): void;
  /** What is not wrong enough to stop for: a constant message, everything variable in `fields`. */
  warning(message: string, fields: Readonly<Record<string, unknown>>): void;
}
