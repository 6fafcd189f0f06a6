/** After so many successes in a row, one more request at a time is tried again. */
const SUCCESSES_TO_GROW = 8;

/** Bounds the requests that are under way, and halves the bound when the service asks for less. */
export class Limiter {
  readonly #max: number;
  /** What lets each of those in that wait, in order. */
  readonly #waiting: (() => void)[] = [];
  #limit: number;
  #running = 0;
  #successes = 0;

  constructor(max: number) {
    this.#max = max;
    this.#limit = max;
  }

  /** How many may be under way now. */
  get limit(): number {
    return this.#limit;
  }

  async enter(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#running < this.#limit) this.#running++;
    else await this.#wait(signal);
    return { [Symbol.dispose]: () => this.#leave() };
  }

  slowDown(): void {
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#successes = 0;
  }

  succeeded(): void {
    if (this.#limit === this.#max || ++this.#successes < SUCCESSES_TO_GROW) return;
    this.#successes = 0;
    this.#limit++;
    this.#admit();
  }

  #leave(): void {
    this.#running--;
    this.#admit();
  }

  #admit(): void {
    while (this.#running < this.#limit) {
      const letIn = this.#waiting.shift();
      if (letIn === undefined) return;
      this.#running++;
      letIn();
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      const index = this.#waiting.indexOf(resolve);
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      reject(signal.reason);
    };
    this.#waiting.push(resolve);
    signal.addEventListener("abort", onAbort, { once: true });
    await promise.finally(() => signal.removeEventListener("abort", onAbort));
  }
}
