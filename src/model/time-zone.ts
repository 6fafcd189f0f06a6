import { BackupError } from "../errors.ts";
import type { Instant } from "./time.ts";

/** A local date and time, as the instant at which a clock in UTC shows the same. */
export type WallTime = number;

/** An IANA time zone, as the runtime's own copy of the tz database knows it. */
export interface TimeZone {
  /** Milliseconds that local clocks are ahead of UTC at `instant`: local time is `instant + offset`. */
  offsetAt(instant: Instant): number;
}

/** The moment `at` which local clocks go from one offset to another, both in milliseconds. */
export interface Transition {
  readonly at: Instant;
  readonly before: number;
  readonly after: number;
}

// Two transitions that cancel out are a month apart at the closest: Morocco's around Ramadan.
const STRIDE_MS = 7 * 86_400_000;

/** The zone of that name. Throws `CONFIG_INVALID` if there is none. */
export function timeZone(name: string): TimeZone {
  const format = offsetFormat(name);
  return {
    offsetAt(instant) {
      const part = format.formatToParts(instant).find(({ type }) => type === "timeZoneName");
      return parseOffset(part?.value ?? "");
    },
  };
}

/** The first transition after `from` and not after `until`. */
export function firstTransition(zone: TimeZone, from: Instant, until: Instant): Transition | undefined {
  let low = from;
  let before = zone.offsetAt(low);
  while (low < until) {
    const high = Math.min(low + STRIDE_MS, until);
    const after = zone.offsetAt(high);
    if (after !== before) return bisectTransition(zone, low, high);
    low = high;
    before = after;
  }
  return undefined;
}

function bisectTransition(zone: TimeZone, from: Instant, until: Instant): Transition {
  const before = zone.offsetAt(from);
  let low = from;
  let high = until;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zone.offsetAt(middle) === before) low = middle;
    else high = middle;
  }
  return { at: high, before, after: zone.offsetAt(high) };
}

function offsetFormat(name: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  } catch (cause) {
    throw new BackupError("CONFIG_INVALID", `Cannot use time zone "${name}": there is no zone of that name`, {
      hint: 'Write an IANA name such as "UTC" or "Europe/Berlin"',
      cause,
    });
  }
}

/** `GMT`, `GMT+10:30`, or with seconds as before 1972: Liberia's was `GMT-00:44:30`. */
function parseOffset(text: string): number {
  const match = /([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(text);
  if (!match) return 0;
  const [, sign, hours, minutes, seconds = 0] = match;
  const size = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  return sign === "-" ? -size : size;
}
