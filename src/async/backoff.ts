export interface BackoffBounds {
  /** The longest wait before the first retry, in milliseconds. */
  readonly firstMs: number;
  /** No wait is longer than this. */
  readonly capMs: number;
}

/** For single requests: 200 ms, doubled up to 30 s. */
const REQUEST_BACKOFF: BackoffBounds = { firstMs: 200, capMs: 30_000 };

/**
 * Milliseconds to wait after the failed attempt `attempt` (from 1): doubled each time, then "full jitter",
 * any value from 0 to that, so that clients that failed together do not come back together.
 */
export function backoffMs(attempt: number, random: () => number, bounds: BackoffBounds = REQUEST_BACKOFF): number {
  return Math.floor(random() * Math.min(bounds.capMs, bounds.firstMs * 2 ** Math.max(0, attempt - 1)));
}
