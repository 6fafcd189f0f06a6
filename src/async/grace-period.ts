import type { Clock } from "../ports/clock.ts";

/**
 * A signal that aborts `ms` milliseconds after `stop` does, with its reason: work under way may finish in
 * between. Disposing of it ends the wait.
 */
export function gracePeriod(
  stop: AbortSignal,
  ms: number,
  clock: Clock,
): Disposable & { readonly signal: AbortSignal } {
  const over = new AbortController();
  const disposed = new AbortController();
  const begin = (): void => {
    clock.sleep(ms, disposed.signal).then(
      () => over.abort(stop.reason),
      // Disposed of: nothing is under way any more.
      () => undefined,
    );
  };
  if (stop.aborted) begin();
  else stop.addEventListener("abort", begin, { once: true, signal: disposed.signal });
  return { signal: over.signal, [Symbol.dispose]: () => disposed.abort() };
}
