import type { Urgency } from "./loader.ts";

const rank = { poll: 0, run: 1, rejected: 2 } as const satisfies Record<Urgency, number>;

/**
 * Runs one reading at a time. Whoever asks while one is under way waits for the next, since that one may
 * have looked already; all who wait share it, with the greatest urgency among them.
 */
export class Reader {
  readonly #read: (urgency: Urgency) => Promise<void>;
  #running: Promise<void> | undefined;
  #next: { urgency: Urgency; readonly done: Promise<void> } | undefined;

  constructor(read: (urgency: Urgency) => Promise<void>) {
    this.#read = read;
  }

  /** Resolves when a reading that began after this call is done. Never rejects. */
  async read(urgency: Urgency): Promise<void> {
    if (!this.#running && !this.#next) return await this.#start(urgency);
    this.#next ??= { urgency, done: (this.#running ?? Promise.resolve()).then(() => this.#startNext()) };
    if (rank[urgency] > rank[this.#next.urgency]) this.#next.urgency = urgency;
    await this.#next.done;
  }

  async #startNext(): Promise<void> {
    const urgency = this.#next?.urgency ?? "poll";
    this.#next = undefined;
    await this.#start(urgency);
  }

  async #start(urgency: Urgency): Promise<void> {
    this.#running = this.#read(urgency).finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }
}
