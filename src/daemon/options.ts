import type { BackupContext } from "../backup/context.ts";
import type { RetentionPolicy } from "../model/retention.ts";
import type { RunLock } from "../ports/run-lock.ts";
import type { Schedule, Ticker } from "../ports/ticker.ts";
import type { Duty } from "./duties.ts";

export interface DaemonOptions {
  readonly context: BackupContext;
  readonly ticker: Ticker;
  readonly schedule: Schedule;
  /** Milliseconds after each tick at which this node begins. */
  readonly jitterMs: number;
  /** Whether a tick that was missed while the daemon was down is made up for. */
  readonly catchUp: boolean;
  /** Whether a backup is taken at start in any case. */
  readonly onStart: boolean;
  readonly retention: RetentionPolicy;
  /** What is done besides the backups. */
  readonly duties: readonly Duty[];
  readonly lock: RunLock;
  /** Held for life, so that a second daemon of this node refuses to start. */
  readonly daemonLock: string;
  /** Held for each backup, prune and sweep. */
  readonly runLock: string;
}

/** The two steps of ending. */
export interface Signals {
  /** No new work. */
  readonly stop: AbortSignal;
  /** No work at all. */
  readonly abort: AbortSignal;
}
