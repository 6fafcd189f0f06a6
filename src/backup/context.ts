import type { Compression } from "../model/compression.ts";
import type { Clock } from "../ports/clock.ts";
import type { LocalState } from "../ports/local-state.ts";
import type { SnapshotSource } from "../ports/snapshot-source.ts";
import type { Spool } from "../ports/spool.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Destination } from "./destination.ts";

/** What the operations work with. `app` makes it, once. */
export interface BackupContext {
  readonly cluster: string;
  readonly node: string;
  /** `k3s`, `rke2`, `kubeadm`, or empty. */
  readonly distribution: string;
  /** This program and its version. */
  readonly writer: string;
  readonly compression: Compression;
  readonly holdLimitMs: number;
  readonly destinations: readonly Destination[];
  readonly source: SnapshotSource;
  /** Room on disk for what etcd sends faster than S3 takes it, if any. */
  readonly spool: Spool | undefined;
  readonly state: LocalState;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly newUuid: () => string;
  /** For what is tidied up after a run that was aborted: a signal of its own, which ends in seconds. */
  readonly cleanUpSignal: () => AbortSignal;
  /**
   * Gives back what earlier work has left in memory; `undefined` where the runtime offers no such thing. Without it
   * the garbage of the start is there at the peak, and the buffers of an upload for as long as nothing else happens.
   */
  readonly releaseMemory?: (() => void) | undefined;
}
