import type { Instant } from "../model/time.ts";

/** A schedule as cron means it; see `docs/configuration.md`. */
export interface Schedule {
  /** Five fields, or six with seconds first. */
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
}

/** Says when a schedule is due. */
export interface Ticker {
  /** The first tick after `after`. */
  next(schedule: Schedule, after: Instant): Instant;
  /** The last tick at or before `now`, or `undefined` if there was none within a year. */
  previous(schedule: Schedule, now: Instant): Instant | undefined;
  /**
   * Calls `onTick` with each tick's own moment when it is due: none lost and none twice, also when the
   * clock steps. The call is not awaited.
   */
  start(schedule: Schedule, onTick: (tick: Instant) => void): Disposable;
}
