import type { RetentionPolicy } from "../model/retention.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import type { Instant } from "../model/time.ts";
import type { BackupContext } from "./context.ts";
import { type Destination, failuresOf } from "./destination.ts";
import { followUp } from "./follow-up.ts";
import { takeBackup } from "./take-backup.ts";

export interface ScheduledRun {
  readonly tick: Instant;
  /** The destinations that lack a snapshot of the tick. */
  readonly destinations: readonly Destination[];
  readonly retention: RetentionPolicy;
}

/** Why some destinations are still without the tick's snapshot. */
export interface TickFailure {
  readonly error: unknown;
  readonly destinations: readonly Destination[];
  readonly snapshot: SnapshotName | undefined;
}

/**
 * Takes one snapshot of a tick, says so, and does what a success allows: pruning, and bringing older snapshots
 * that are in one store only to the other. Returns what failed; rejects when nothing was stored.
 */
export async function runScheduled(
  context: BackupContext,
  { tick, destinations, retention }: ScheduledRun,
  signal: AbortSignal,
): Promise<TickFailure[]> {
  const request = { kind: "scheduled", tick, prefix: "ark", destinations } as const;
  try {
    const { name, outcomes } = await takeBackup(context, request, signal);
    const stored = outcomes.flatMap((outcome) => ("value" in outcome ? [outcome.destination] : []));
    await followUp(context, { stored, retention }, signal);
    return failuresOf(outcomes).map(({ destination, error }) => ({
      error,
      destinations: [destination],
      snapshot: name,
    }));
  } finally {
    context.releaseMemory?.();
  }
}
