import { setTimeout as delay } from "node:timers/promises";

/** How long to wait, and how often to look, in milliseconds. */
export interface EventuallyOptions {
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

/**
 * Waits until `check` gives something true, and returns it. A check that throws counts as "not yet".
 * Rejects after `timeoutMs` (30 s) with the check's last error as the cause.
 */
export async function eventually<T>(check: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { timeoutMs = 30_000, intervalMs = 25 } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  let cause: unknown;
  do {
    try {
      const value = await check();
      if (value) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await delay(intervalMs);
  } while (!timeout.aborted);
  throw new Error(`Gave up after ${timeoutMs} ms waiting for: ${check}`, { cause });
}
