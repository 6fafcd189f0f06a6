import type { Clock } from "../../../src/ports/clock.ts";

interface Timer {
  readonly id: number;
  readonly due: number;
  readonly fire: () => void;
}

const RealDate = Date;

/**
 * A machine whose time moves only when told to: a `Clock` for us, and for node-cron the global timers and
 * `Date`, as long as it is installed. Timers follow the monotonic clock, as real ones do, so that a step of
 * the wall clock leaves them alone; that is what node's own mock timers cannot do.
 */
export class SimulatedMachine implements Clock, Disposable {
  #wall: number;
  #monotonic = 0;
  #lastId = 0;
  readonly #timers = new Map<number, Timer>();
  readonly #globals: PropertyDescriptorMap;

  constructor(start: string) {
    this.#wall = RealDate.parse(start);
    this.#globals = Object.fromEntries(
      ["Date", "setTimeout", "clearTimeout"].map((name) => [
        name,
        Object.getOwnPropertyDescriptor(globalThis, name) ?? {},
      ]),
    );
    const replace = (name: string, value: unknown): void => {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    };
    replace("Date", this.#dateClass());
    replace("setTimeout", (fire: () => void, ms = 0) => this.#addTimer(fire, ms));
    replace("clearTimeout", (id: number | undefined) => this.#timers.delete(id ?? 0));
  }

  [Symbol.dispose](): void {
    Object.defineProperties(globalThis, this.#globals);
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const id = this.#addTimer(resolve, ms);
      signal.addEventListener("abort", () => this.#timers.delete(id) && reject(signal.reason), { once: true });
    });
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Steps the wall clock alone. */
  step(ms: number): void {
    this.#wall += ms;
  }

  /** Lets the machine stand still for so long: timers that are due run late. */
  freeze(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
  }

  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (let timer = this.#nextTimer(end); timer; timer = this.#nextTimer(end)) {
      this.freeze(Math.max(0, timer.due - this.#monotonic));
      this.#timers.delete(timer.id);
      timer.fire();
      await settle();
    }
    this.freeze(Math.max(0, end - this.#monotonic));
  }

  #nextTimer(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers.values())
      if (timer.due <= (next?.due ?? end)) next = timer.due === next?.due ? next : timer;
    return next;
  }

  #addTimer(fire: () => void, ms: number): number {
    this.#lastId += 1;
    this.#timers.set(this.#lastId, { id: this.#lastId, due: this.#monotonic + Math.max(1, ms), fire });
    return this.#lastId;
  }

  #dateClass(): DateConstructor {
    const now = (): number => this.#wall;
    return new Proxy(RealDate, {
      construct: (target, args: unknown[], newTarget) =>
        Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
      get: (target, name, receiver) => (name === "now" ? now : Reflect.get(target, name, receiver)),
    });
  }
}

/** Lets pending promises run; no time passes. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await Promise.resolve();
}
