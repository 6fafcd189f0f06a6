import type { Instant } from "./time.ts";
import type { TimeZone } from "./time-zone.ts";

/** The periods of which retention keeps the newest snapshot. */
export const PERIODS = ["hourly", "daily", "weekly", "monthly", "yearly"] as const;
export type Period = (typeof PERIODS)[number];

const DAY_MS = 86_400_000;

/** The period that `instant` lies in, by local time: `2026-01-05T09+01:00`, `2026-01-05`, `2026-W02`, `2026-01`, `2026`. */
export function periodOf(period: Period, instant: Instant, zone: TimeZone): string {
  const offset = zone.offsetAt(instant);
  const local = new Date(instant + offset).toISOString();
  switch (period) {
    case "hourly":
      // With the offset, so that the hour that autumn repeats is two.
      return `${local.slice(0, 13)}${formatOffset(offset)}`;
    case "daily":
      return local.slice(0, 10);
    case "weekly":
      return isoWeek(instant + offset);
    case "monthly":
      return local.slice(0, 7);
    case "yearly":
      return local.slice(0, 4);
  }
}

/** ISO 8601: a week begins on Monday and belongs to the year that its Thursday lies in. */
function isoWeek(wall: number): string {
  const weekday = (new Date(wall).getUTCDay() + 6) % 7;
  const thursday = new Date(wall + (3 - weekday) * DAY_MS);
  const year = thursday.getUTCFullYear();
  const week = 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * DAY_MS));
  return `${year}-W${String(week).padStart(2, "0")}`;
}

function formatOffset(offset: number): string {
  if (offset === 0) return "Z";
  const clock = new Date(Math.abs(offset)).toISOString().slice(11, 16);
  return `${offset < 0 ? "-" : "+"}${clock}`;
}
