import type { Instant } from "../model/time.ts";

/** Ticks that have come and were not yet taken up. Only the newest matters: older ones are superseded. */
export class TickInbox {
  #newest: Instant | undefined;
  readonly #waiting = new Set<() => void>();

  push(tick: Instant): void {
    this.#newest = Math.max(tick, this.#newest ?? tick);
    for (const wake of this.#waiting) wake();
  }

  /** The newest tick, which is no longer in the inbox then; `undefined` when none came. */
  take(): Instant | undefined {
    const tick = this.#newest;
    this.#newest = undefined;
    return tick;
  }

  get isEmpty(): boolean {
    return this.#newest === undefined;
  }

  /** Resolves once a tick is in, or rejects with `signal.reason`. */
  async arrival(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.isEmpty) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(signal.reason);
    this.#waiting.add(resolve);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      this.#waiting.delete(resolve);
      signal.removeEventListener("abort", onAbort);
    }
  }
}
