import type { Destination } from "../backup/destination.ts";
import { type Manifest, storedAt } from "../model/manifest.ts";
import { type Instant, parseInstant } from "../model/time.ts";

export interface DueQuestion {
  /** The last tick of the schedule before now. */
  readonly last: Instant;
  /** Whether a backup is wanted at start even when none was missed. */
  readonly onStart: boolean;
}

/** The tick to make up for at start: `last`, unless every destination holds a scheduled backup of it or of a later one. */
export async function dueTick(
  { last, onStart }: DueQuestion,
  destinations: readonly Destination[],
  signal: AbortSignal,
): Promise<Instant | undefined> {
  if (onStart) return last;
  for (const { catalog } of destinations) {
    const newest = await catalog.newest(signal, "scheduled");
    if (!newest || momentOf(newest) < last) return last;
  }
  return undefined;
}

/** A tick is told by the clock of the node that took it, which may be a day ahead; it was stored no earlier than it came. */
function momentOf(manifest: Manifest): Instant {
  return Math.min(parseInstant(manifest.tick) ?? 0, storedAt(manifest));
}
