import type { Clock } from "../ports/clock.ts";

export const STALLED = "ESTALLED";

/** No byte moved for too long. `code` makes it look like any other broken connection. */
export class StallError extends Error {
  override readonly name = "StallError" as const;
  readonly code = STALLED;

  constructor(stallMs: number) {
    super(`no byte moved for ${stallMs / 1000} s`);
  }
}

const LOOKS = 4;

/**
 * Calls `onStall` once `progress` has stood still for `stallMs`, seen at four looks in a row. Ends when
 * `signal` is aborted. There is no total time-out: a slow link is not a broken one.
 */
export async function watchProgress(
  { clock, stallMs, onStall }: { clock: Clock; stallMs: number; onStall: (error: StallError) => void },
  progress: () => number,
  signal: AbortSignal,
): Promise<void> {
  let seen = progress();
  for (let idle = 0; idle < LOOKS; ) {
    try {
      await clock.sleep(stallMs / LOOKS, signal);
    } catch {
      return;
    }
    const now = progress();
    idle = now === seen ? idle + 1 : 0;
    seen = now;
  }
  onStall(new StallError(stallMs));
}
