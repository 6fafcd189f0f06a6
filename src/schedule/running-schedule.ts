import type { CronTicks } from "../model/cron-ticks.ts";
import type { Instant } from "../model/time.ts";
import type { Clock } from "../ports/clock.ts";
import { momentExpression, nodeCronExpressions, WakingTask } from "./node-cron-task.ts";

export interface ScheduleOptions {
  readonly ticks: CronTicks;
  /** IANA name. */
  readonly timezone: string;
  readonly clock: Clock;
  /** Called in a microtask of its own, so that what it throws is not swallowed by node-cron. */
  readonly onTick: (tick: Instant) => void;
}

const GUARD_MS = 60_000;
const STEP_MS = 1000;
const MEMORY_MS = 2 * 86_400_000;

/** Delivers the ticks after now, until disposed of. */
export function runSchedule(options: ScheduleOptions): Disposable {
  const running = new RunningSchedule(options);
  running.start();
  return running;
}

/**
 * Whatever wakes it, it looks at the clock and delivers the newest tick that is due, once. Ticks that a
 * forward step or a suspended machine has passed over make one run, not a burst of equal snapshots;
 * after a step back they are due again, and those that have been delivered are not.
 */
class RunningSchedule implements Disposable {
  readonly #options: ScheduleOptions;
  readonly #stop = new AbortController();
  readonly #delivered = new Set<Instant>();
  /** Ticks up to here were due before us. */
  #floor: Instant;
  #seen: { readonly wall: Instant; readonly monotonic: number };
  /** The first tick that was not due yet at the last look. */
  #next: Instant;
  /** They run the schedule as node-cron understands it. */
  #tasks: WakingTask[] = [];
  /** Wakes us at `#next` if none of them does. */
  #alarm: WakingTask | undefined;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#seen = readClock(options.clock);
    this.#floor = this.#seen.wall;
    this.#next = options.ticks.next(this.#floor);
  }

  start(): void {
    this.#createTasks();
    this.#setAlarm();
    void this.#guard();
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#destroyTasks();
  }

  /** node-cron sleeps through what a stepped clock makes due, so it is not left alone for longer than a minute. */
  async #guard(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(GUARD_MS, signal).catch(() => undefined);
      this.#wake();
    }
  }

  readonly #wake = (): void => {
    if (this.#stop.signal.aborted) return;
    const stepped = this.#look();
    if (stepped) this.#createTasks();
    if (stepped || this.#seen.wall >= this.#next) {
      this.#deliver();
      this.#next = this.#options.ticks.next(this.#seen.wall);
    }
    this.#setAlarm();
  };

  /** Returns whether the clock has stepped since the last look. */
  #look(): boolean {
    const before = this.#seen;
    this.#seen = readClock(this.#options.clock);
    const elapsed = this.#seen.monotonic - before.monotonic;
    const step = this.#seen.wall - before.wall - elapsed;
    if (Math.abs(step) < STEP_MS) return false;
    // Ticks of the time between the looks are ours by the new clock too.
    this.#floor = Math.min(this.#floor, this.#seen.wall - elapsed);
    return true;
  }

  #deliver(): void {
    const due = this.#options.ticks.previous(this.#seen.wall);
    if (due === undefined || due <= this.#floor || this.#delivered.has(due)) return;
    this.#delivered.add(due);
    for (const tick of this.#delivered) if (tick < due - MEMORY_MS) this.#delivered.delete(tick);
    queueMicrotask(() => this.#options.onTick(due));
  }

  /** Each anew, since a node-cron task holds on to the slot that it chose before the clock stepped. */
  #createTasks(): void {
    this.#destroyTasks();
    const { ticks, timezone } = this.#options;
    this.#tasks = nodeCronExpressions(ticks.cron).map((each) => new WakingTask(each, timezone, this.#wake));
  }

  /** node-cron knows no tick at the end of a gap, nor any in a repeated hour: these get a task of their own. */
  #setAlarm(): void {
    if ([this.#alarm, ...this.#tasks].some((task) => task?.slot === this.#next)) return;
    this.#alarm?.[Symbol.dispose]();
    this.#alarm = new WakingTask(momentExpression(this.#next), "UTC", this.#wake);
  }

  #destroyTasks(): void {
    for (const task of this.#tasks) task[Symbol.dispose]();
    this.#alarm?.[Symbol.dispose]();
    this.#tasks = [];
    this.#alarm = undefined;
  }
}

function readClock(clock: Clock): { wall: Instant; monotonic: number } {
  return { wall: clock.now(), monotonic: clock.monotonic() };
}
