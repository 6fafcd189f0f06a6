import type { Clock } from "../ports/clock.ts";

const CLEANUP_MS = 5000;

/**
 * Runs what must happen after a failure or an interruption: under a signal of its own, since the run's is aborted,
 * and as a rule for five seconds at most. Never rejects: what is left over is swept later.
 */
export async function cleanUp(
  clock: Clock,
  work: (signal: AbortSignal) => Promise<void>,
  boundMs = CLEANUP_MS,
): Promise<void> {
  const deadline = new AbortController();
  const done = new AbortController();
  const timer = clock.sleep(boundMs, done.signal).then(
    () => deadline.abort(new Error("clean-up took too long")),
    () => undefined,
  );
  try {
    await work(deadline.signal);
  } catch {
    // The error that led here is the one to report.
  } finally {
    done.abort();
    await timer;
  }
}
