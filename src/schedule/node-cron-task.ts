import { createTask, type ScheduledTask } from "node-cron";
import type { Cron } from "../model/cron.ts";
import { everMatches } from "../model/cron-ticks.ts";
import type { Instant } from "../model/time.ts";

/** A started node-cron task that wakes us at each of its slots. */
export class WakingTask implements Disposable {
  readonly #task: ScheduledTask;
  /** When it wakes us next. Not to be asked of the task later: it answers for then, and sleeps until what it chose before. */
  #slot: Instant | undefined;

  constructor(expression: string, timezone: string, wake: () => void) {
    const onSlot = (): void => {
      this.#slot = this.#task.getNextRun()?.getTime();
      wake();
    };
    this.#task = createTask(expression, onSlot, { timezone });
    // A slot that is more than a second late is only reported as missed, so that wakes us too.
    this.#task.on("execution:missed", onSlot);
    void this.#task.start();
    this.#slot = this.#task.getNextRun()?.getTime();
  }

  get slot(): Instant | undefined {
    return this.#slot;
  }

  [Symbol.dispose](): void {
    void this.#task.destroy();
  }
}

/**
 * The expressions that match, between them, what `cron` does. node-cron wants both day fields to match,
 * so "either" takes one for each; and it throws for days that no month has.
 */
export function nodeCronExpressions(cron: Cron): string[] {
  if (!cron.eitherDay) return [expressionOf(cron)];
  const byDayOfMonth: Cron = { ...cron, eitherDay: false, daysOfWeek: [0, 1, 2, 3, 4, 5, 6] };
  const byDayOfWeek: Cron = { ...cron, eitherDay: false, daysOfMonth: Array.from({ length: 31 }, (_, day) => day + 1) };
  return [byDayOfMonth, byDayOfWeek].filter((half) => everMatches(half)).map((half) => expressionOf(half));
}

/** The expression, for a task in UTC, whose next match is `instant`. */
export function momentExpression(instant: Instant): string {
  const date = new Date(instant);
  return [
    date.getUTCSeconds(),
    date.getUTCMinutes(),
    date.getUTCHours(),
    date.getUTCDate(),
    date.getUTCMonth() + 1,
    "*",
  ].join(" ");
}

// Plain numbers, so that node-cron's reading of names, ranges and steps cannot differ from ours.
function expressionOf(cron: Cron): string {
  return [cron.seconds, cron.minutes, cron.hours, cron.daysOfMonth, cron.months, cron.daysOfWeek]
    .map((values) => values.join(","))
    .join(" ");
}
