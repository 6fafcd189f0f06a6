import type { Clock } from "../ports/clock.ts";
import { abortable } from "./abortable.ts";

export interface Deadline {
  readonly clock: Clock;
  readonly ms: number;
  /** The error of an operation that took longer. */
  readonly error: () => Error;
}

/**
 * Runs `operation` with a signal that aborts after `ms` milliseconds, or when `signal` does. Rejects then, even if the
 * operation does not heed its signal.
 */
export async function withDeadline<Value>(
  { clock, ms, error }: Deadline,
  operation: (signal: AbortSignal) => Promise<Value>,
  signal: AbortSignal,
): Promise<Value> {
  const expired = new AbortController();
  const finished = new AbortController();
  clock.sleep(ms, AbortSignal.any([signal, finished.signal])).then(
    () => expired.abort(error()),
    // The sleep ends early with the operation, or with the caller's signal.
    () => undefined,
  );
  try {
    const either = AbortSignal.any([signal, expired.signal]);
    return await abortable(operation(either), either);
  } finally {
    finished.abort();
  }
}
