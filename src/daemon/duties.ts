import type { BackupContext } from "../backup/context.ts";
import { messageOf } from "../errors.ts";
import type { Instant } from "../model/time.ts";
import type { Schedule, Ticker } from "../ports/ticker.ts";
import { TickInbox } from "./tick-inbox.ts";

/** Work on a schedule of its own, besides the backups and never in their way. */
export interface Duty {
  /** What is done, after "Cannot". */
  readonly what: string;
  readonly schedule: Schedule;
  readonly work: (signal: AbortSignal) => Promise<void>;
}

/** What all duties share. */
export interface DutyOptions {
  readonly ticker: Ticker;
  readonly context: Pick<BackupContext, "clock" | "telemetry">;
  /** Milliseconds after each tick at which this node begins. */
  readonly jitterMs: number;
}

/** Begins the duties; disposing of them ends what is under way and waits for that. */
export function startDuties(duties: readonly Duty[], options: DutyOptions, stop: AbortSignal): AsyncDisposable {
  const ended = new AbortController();
  const signal = AbortSignal.any([stop, ended.signal]);
  const loops = duties.map((duty) => serve(duty, options, signal));
  return {
    [Symbol.asyncDispose]: async () => {
      ended.abort();
      await Promise.all(loops);
    },
  };
}

/** A tick that comes while the work of an earlier one goes on is done next; of several, the newest. */
async function serve(duty: Duty, { ticker, context, jitterMs }: DutyOptions, signal: AbortSignal): Promise<void> {
  const inbox = new TickInbox();
  using _ticks = ticker.start(duty.schedule, (tick: Instant) => inbox.push(tick));
  while (!signal.aborted) {
    try {
      await inbox.arrival(signal);
      inbox.take();
      await context.clock.sleep(jitterMs, signal);
      await duty.work(signal);
    } catch (error) {
      if (!signal.aborted) context.telemetry.warning(`Cannot ${duty.what}`, { err: error, why: messageOf(error) });
    }
  }
}
