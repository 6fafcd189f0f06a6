import { backoffMs } from "../async/backoff.ts";
import type { Destination } from "../backup/destination.ts";
import { runScheduled, type TickFailure } from "../backup/run-scheduled.ts";
import type { Instant } from "../model/time.ts";
import type { DaemonOptions, Signals } from "./options.ts";
import { checkReadiness } from "./readiness.ts";
import type { TickInbox } from "./tick-inbox.ts";

const RUN_BACKOFF = { firstMs: 5_000, capMs: 300_000 };
const ASK_AGAIN_MS = 5_000;
/** Somebody may be taking a backup by hand; the tick waits for it. */
const LOCK_WAIT_MS = 3_600_000;

/** Works on one tick until it is done or superseded, whatever goes wrong. Rejects only when it is to stop. */
export class TickRunner {
  readonly #options: DaemonOptions;
  readonly #signals: Signals;
  readonly #inbox: TickInbox;
  #working = false;

  constructor(options: DaemonOptions, signals: Signals, inbox: TickInbox) {
    this.#options = options;
    this.#signals = signals;
    this.#inbox = inbox;
  }

  /** Whether a backup is being taken right now. */
  get working(): boolean {
    return this.#working;
  }

  /**
   * Takes backups until every destination holds a snapshot of `tick`, or a newer tick takes its place. Each
   * attempt takes a new, fresher snapshot, and only for the destinations that still lack one.
   */
  async fulfil(first: Instant): Promise<void> {
    const { destinations } = this.#options.context;
    let [tick, pending] = [first, destinations];
    for (let attempt = 1; await this.untilReady(tick, pending); attempt++) {
      // One that came while etcd and the stores were asked: the backup that is taken now is its own.
      const newer = this.#inbox.take();
      if (newer !== undefined) [tick, pending] = [newer, destinations];
      const failures = await this.#attempt(tick, pending);
      this.#signals.stop.throwIfAborted();
      // Done; a tick that came meanwhile has been reported as skipped.
      if (failures.length === 0) return void this.#inbox.take();
      pending = failures.flatMap(({ destinations }) => destinations);
      const delay = backoffMs(attempt, this.#options.context.random, RUN_BACKOFF);
      this.#report(tick, attempt, { failures, delay });
      await this.#pause(delay);
    }
  }

  /**
   * Waits until etcd and at least one destination answer, asking every few seconds: a backup follows within
   * seconds of the last of them. Resolves to false when a newer tick comes first.
   */
  async untilReady(tick: Instant, destinations: readonly Destination[]): Promise<boolean> {
    const { context } = this.#options;
    for (let attempt = 1; this.#inbox.isEmpty; attempt++) {
      try {
        await checkReadiness(context, destinations, this.#signals.stop);
        return true;
      } catch (error) {
        this.#signals.stop.throwIfAborted();
        const failures = [{ error, destinations, snapshot: undefined }];
        // Said at the first time and then ever more rarely: at the 2nd, 4th, 8th …
        if (Number.isInteger(Math.log2(attempt))) this.#report(tick, attempt, { failures, delay: ASK_AGAIN_MS });
        await this.#pause(ASK_AGAIN_MS);
      }
    }
    return false;
  }

  async #attempt(tick: Instant, destinations: readonly Destination[]): Promise<readonly TickFailure[]> {
    const { context, lock, runLock, retention } = this.#options;
    const { abort, stop } = this.#signals;
    this.#working = true;
    try {
      await using _lock = await lock.acquire(runLock, LOCK_WAIT_MS, stop);
      return await runScheduled(context, { tick, destinations, retention }, abort);
    } catch (error) {
      abort.throwIfAborted();
      return [{ error, destinations, snapshot: undefined }];
    } finally {
      this.#working = false;
    }
  }

  #report(tick: Instant, attempt: number, { failures, delay }: { failures: readonly TickFailure[]; delay: number }) {
    const { clock, telemetry } = this.#options.context;
    for (const { error, snapshot } of failures) {
      telemetry.backupFailed({ snapshot, tick, attempt, error, retryAt: clock.now() + delay });
    }
  }

  /** Waits, or less if a newer tick comes. */
  async #pause(ms: number): Promise<void> {
    const ended = new AbortController();
    const either = AbortSignal.any([this.#signals.stop, ended.signal]);
    try {
      await Promise.race([this.#options.context.clock.sleep(ms, either), this.#inbox.arrival(either)]);
    } finally {
      ended.abort();
    }
  }
}
