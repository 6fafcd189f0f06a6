import { gracePeriod } from "../async/grace-period.ts";
import { recoverRuns } from "../backup/recover-runs.ts";
import { messageOf } from "../errors.ts";
import { clampJitter } from "../model/jitter.ts";
import type { Instant } from "../model/time.ts";
import { dueTick } from "./due-tick.ts";
import { startDuties } from "./duties.ts";
import type { DaemonOptions, Signals } from "./options.ts";
import { TickInbox } from "./tick-inbox.ts";
import { TickRunner } from "./tick-runner.ts";

/** A run under way has this long to finish after SIGTERM. */
const GRACE_MS = 20_000;
const SWEEP_EVERY_MS = 86_400_000;
/** After one that could not be made, or was held up by a backup. */
const SWEEP_AGAIN_MS = 3_600_000;

/**
 * The daemon's life: until `stop` aborts it takes a backup at every tick of the schedule, one at a time, tries
 * again when one fails, and clears up. Absent servers and credentials make it wait, never end. Rejects with
 * `ALREADY_RUNNING` when another daemon of this node is at work.
 */
export async function runDaemon(options: DaemonOptions, stop: AbortSignal): Promise<void> {
  const sayStopping = (): void => options.context.telemetry.daemonStopping({ why: messageOf(stop.reason) });
  // The signal may have come while the program was starting.
  if (stop.aborted) return sayStopping();
  stop.addEventListener("abort", sayStopping, { once: true });
  using grace = gracePeriod(stop, GRACE_MS, options.context.clock);
  try {
    await using _life = await options.lock.acquire(options.daemonLock, 0, stop);
    await using _duties = startDuties(options.duties, options, stop);
    await new Daemon(options, { stop, abort: grace.signal }).serve();
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    stop.removeEventListener("abort", sayStopping);
  }
}

class Daemon {
  readonly #options: DaemonOptions;
  readonly #signals: Signals;
  readonly #inbox = new TickInbox();
  readonly #runner: TickRunner;
  #sweepAt = Number.NEGATIVE_INFINITY;

  constructor(options: DaemonOptions, signals: Signals) {
    this.#options = options;
    this.#signals = signals;
    this.#runner = new TickRunner(options, signals, this.#inbox);
  }

  async serve(): Promise<never> {
    const { ticker, schedule, context } = this.#options;
    using _ticks = ticker.start(schedule, (tick) => this.#onTick(tick));
    this.#announceNext();
    const missed = await this.#missedTick();
    if (missed !== undefined) await this.#runner.fulfil(missed);
    for (;;) {
      await this.#sweepDaily();
      await this.#inbox.arrival(this.#signals.stop);
      const tick = this.#inbox.take();
      if (tick === undefined) continue;
      await context.clock.sleep(this.#jitterOf(tick), this.#signals.stop);
      await this.#runner.fulfil(tick);
    }
  }

  #onTick(tick: Instant): void {
    const { telemetry } = this.#options.context;
    if (this.#runner.working) telemetry.backupSkipped({ tick, why: "the backup of an earlier tick is under way" });
    this.#inbox.push(tick);
    this.#announceNext();
  }

  #announceNext(): void {
    const { context, ticker, schedule } = this.#options;
    const tick = ticker.next(schedule, context.clock.now());
    context.telemetry.scheduleNext({ tick, at: tick + this.#jitterOf(tick) });
  }

  #jitterOf(tick: Instant): number {
    const { jitterMs, ticker, schedule } = this.#options;
    return clampJitter(jitterMs, tick, ticker.next(schedule, tick));
  }

  /** The tick that was missed while the daemon was down; who can tell is waited for. */
  async #missedTick(): Promise<Instant | undefined> {
    const { context, catchUp, onStart, ticker, schedule } = this.#options;
    if (!catchUp && !onStart) return undefined;
    const now = context.clock.now();
    const last = ticker.previous(schedule, now) ?? now;
    if (!(await this.#runner.untilReady(last, context.destinations))) return undefined;
    try {
      return await dueTick({ last, onStart }, context.destinations, this.#signals.stop);
    } catch {
      this.#signals.stop.throwIfAborted();
      // It cannot be told whether a tick was missed; a backup too many does no harm.
      return last;
    }
  }

  /** Clears up after killed runs, at start and once a day, between backups. */
  async #sweepDaily(): Promise<void> {
    const { context, lock, runLock } = this.#options;
    const now = context.clock.monotonic();
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + SWEEP_EVERY_MS;
    for (const destination of context.destinations) {
      try {
        await using _lock = await lock.acquire(runLock, 0, this.#signals.stop);
        await recoverRuns(context, { destination }, this.#signals.stop);
      } catch (error) {
        this.#signals.stop.throwIfAborted();
        this.#sweepAt = now + SWEEP_AGAIN_MS;
        context.telemetry.warning("Cannot clear up after runs that were killed", {
          store: destination.store.url(""),
          err: error,
        });
      }
    }
  }
}
