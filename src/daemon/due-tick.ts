import type { Destination } from "../backup/destination.ts";
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
    if (!newest || (parseInstant(newest.tick) ?? 0) < last) return last;
  }
  return undefined;
}
