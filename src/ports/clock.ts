import type { Instant } from "../model/time.ts";

/** Time, handed in so that no test waits for it. */
export interface Clock {
  /** The wall clock: may step in both directions. */
  now(): Instant;
  /** Milliseconds since some fixed moment: never steps. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds, or rejects with `signal.reason`. Keeps the process alive. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}
