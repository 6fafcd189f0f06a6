import { type CronTicks, cronTicks } from "../model/cron-ticks.ts";
import type { Clock } from "../ports/clock.ts";
import type { Schedule, Ticker } from "../ports/ticker.ts";
import { runSchedule } from "./running-schedule.ts";

/**
 * A `Ticker` on node-cron. Which ticks there are is computed by `model/cron-ticks.ts` alone; node-cron
 * wakes us for them. Its methods throw `CONFIG_INVALID` for a schedule that cannot be used.
 */
export function createTicker({ clock }: { readonly clock: Clock }): Ticker {
  const known = new Map<string, CronTicks>();
  const ticksOf = ({ cron, timezone }: Schedule): CronTicks => {
    const key = `${timezone} ${cron}`;
    const ticks = known.get(key) ?? cronTicks(cron, timezone);
    known.set(key, ticks);
    return ticks;
  };
  return {
    next: (schedule, after) => ticksOf(schedule).next(after),
    previous: (schedule, now) => ticksOf(schedule).previous(now),
    start: (schedule, onTick) => runSchedule({ ticks: ticksOf(schedule), timezone: schedule.timezone, clock, onTick }),
  };
}

/** Throws `CONFIG_INVALID` with a hint unless `schedule` can be used. */
export function validateSchedule({ cron, timezone }: Schedule): void {
  cronTicks(cron, timezone);
}
