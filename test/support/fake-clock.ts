import type { Clock } from "../../src/ports/clock.ts";

interface Sleeper {
  readonly due: number;
  wake(): void;
}

/** A clock that moves only when told to. `advance` wakes sleepers in order of their time. */
export class FakeClock implements Clock {
  #wall: number;
  #monotonic = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(start = Date.parse("2026-01-05T00:00:00Z")) {
    this.#wall = start;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** How many sleeps are pending. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      };
      const sleeper: Sleeper = {
        due: this.#monotonic + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Steps the wall clock alone, as an operator or NTP does. */
  step(ms: number): void {
    this.#wall += ms;
  }

  /** Lets `ms` milliseconds pass; sleepers that are due run, and so do the sleeps that they start. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#move(next.due);
      next.wake();
      await settle();
    }
    this.#move(end);
  }

  #next(end: number): Sleeper | undefined {
    return [...this.#sleepers].filter((sleeper) => sleeper.due <= end).sort((a, b) => a.due - b.due)[0];
  }

  #move(to: number): void {
    const passed = Math.max(0, to - this.#monotonic);
    this.#monotonic += passed;
    this.#wall += passed;
  }
}

/** Lets pending promises run; no time passes. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  await new Promise<void>((resolve) => setImmediate(resolve));
}
