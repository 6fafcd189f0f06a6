import { type Cron, parseCron, scheduleError } from "./cron.ts";
import type { Instant } from "./time.ts";
import { firstTransition, type TimeZone, timeZone, type WallTime } from "./time-zone.ts";

/** Which moments a schedule names. Ticks are whole seconds. */
export interface CronTicks {
  readonly cron: Cron;
  /** The first tick after `after`. */
  next(after: Instant): Instant;
  /** The last tick at or before `now`, or `undefined` if there was none within a year. */
  previous(now: Instant): Instant | undefined;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;
// A 29 February that must also be a certain weekday can be 40 years away, across 2100.
const HORIZON_MS = 50 * YEAR_MS;

/** The ticks of a cron expression in an IANA time zone. Throws `CONFIG_INVALID`. */
export function cronTicks(expression: string, zoneName: string): CronTicks {
  const cron = parseCron(expression);
  const zone = timeZone(zoneName);
  if (!everMatches(cron)) throw scheduleError(expression, "it names no day that exists");
  const next = (after: Instant): Instant => nextTick(cron, zone, after);
  return { cron, next, previous: (now) => previousTick(next, now) };
}

/** Whether any day of the calendar matches. */
export function everMatches(cron: Cron): boolean {
  return firstMatch(cron, 0) < HORIZON_MS;
}

/**
 * Goes from one offset of the zone to the next. Schedules that run in every hour of the day follow the
 * elapsed hours; others run once for each local time: at the end of a gap, and not again in a repeat.
 * The line is cron(8)'s, under "daylight saving time": "jobs that run more frequently than hourly".
 */
function nextTick(cron: Cron, zone: TimeZone, after: Instant): Instant {
  const onceForEachLocalTime = cron.hours.length < 24;
  let from = Math.floor(after / SECOND_MS) * SECOND_MS + SECOND_MS;
  // A gap that ends with the very second `from` has its tick there.
  let passed = from - 1;
  for (;;) {
    const offset = zone.offsetAt(from);
    const tick = firstMatch(cron, from + offset) - offset;
    const transition = firstTransition(zone, passed, tick);
    if (transition) {
      const { at, before, after: ahead } = transition;
      if (onceForEachLocalTime && firstMatch(cron, at + before) < at + ahead) return at;
      from = at;
      passed = at;
    } else {
      const repeatEnd = onceForEachLocalTime ? endOfRepeat(zone, tick) : undefined;
      if (repeatEnd === undefined) return tick;
      from = repeatEnd;
    }
  }
}

/** If local clocks showed the time of `instant` once before: when they are through with repeating. */
function endOfRepeat(zone: TimeZone, instant: Instant): Instant | undefined {
  const transition = firstTransition(zone, instant - DAY_MS, instant);
  if (!transition) return undefined;
  const end = transition.at + transition.before - transition.after;
  return instant < end ? end : undefined;
}

/** The last tick is where `next` stops answering with something that is not after `now`. */
function previousTick(next: (after: Instant) => Instant, now: Instant): Instant | undefined {
  let low = now - YEAR_MS;
  if (next(low) > now) return undefined;
  let high = now;
  while (high - low > SECOND_MS) {
    const middle = Math.floor((low + high) / 2);
    if (next(middle) <= now) low = middle;
    else high = middle;
  }
  return next(low);
}

/** The first local time at or after `from` that the fields name, or infinity if there is none. */
function firstMatch(cron: Cron, from: WallTime): WallTime {
  for (let day = Math.floor(from / DAY_MS) * DAY_MS; day < from + HORIZON_MS; day += DAY_MS) {
    if (!matchesDay(cron, new Date(day))) continue;
    const time = firstTimeOfDay(cron, from - day);
    if (time !== undefined) return day + time;
  }
  return Number.POSITIVE_INFINITY;
}

function matchesDay(cron: Cron, day: Date): boolean {
  if (!cron.months.includes(day.getUTCMonth() + 1)) return false;
  const ofMonth = cron.daysOfMonth.includes(day.getUTCDate());
  const ofWeek = cron.daysOfWeek.includes(day.getUTCDay());
  return cron.eitherDay ? ofMonth || ofWeek : ofMonth && ofWeek;
}

/** Milliseconds since midnight. */
function firstTimeOfDay(cron: Cron, from: number): number | undefined {
  for (const hour of cron.hours) {
    const time = firstTimeOfHour(cron, from - hour * HOUR_MS);
    if (time !== undefined) return hour * HOUR_MS + time;
  }
  return undefined;
}

function firstTimeOfHour(cron: Cron, from: number): number | undefined {
  for (const minute of cron.minutes) {
    const second = cron.seconds.find((each) => minute * MINUTE_MS + each * SECOND_MS >= from);
    if (second !== undefined) return minute * MINUTE_MS + second * SECOND_MS;
  }
  return undefined;
}
