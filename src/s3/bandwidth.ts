import type { Clock } from "../ports/clock.ts";

/** Lets `bytesPerSecond` through, shared by all requests of a store, in the order in which they ask. */
export class Bandwidth {
  readonly #bytesPerSecond: number;
  readonly #clock: Clock;
  #freeAt = 0;

  /** 0 means no cap. */
  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
  }

  get isCapped(): boolean {
    return this.#bytesPerSecond > 0;
  }

  /** The most to take at once, so that a cap of a few KiB does not turn into bursts. */
  sliceOf(wanted: number): number {
    return this.#bytesPerSecond === 0 ? wanted : Math.max(1, Math.min(wanted, Math.ceil(this.#bytesPerSecond / 8)));
  }

  /** Waits until `bytes` may be sent, or more be received. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === 0) return;
    const now = this.#clock.monotonic();
    const start = Math.max(now, this.#freeAt);
    this.#freeAt = start + (bytes / this.#bytesPerSecond) * 1000;
    if (start > now) await this.#clock.sleep(start - now, signal);
  }
}
