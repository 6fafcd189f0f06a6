/** A moment in milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number;

/** The moment as RFC 3339 text in UTC with milliseconds: `2026-11-23T22:55:01.123Z`. */
export function formatInstant(instant: Instant): string {
  return new Date(instant).toISOString();
}

/** The moment as it stands in snapshot names: `20261123T225501123Z`. */
export function compactInstant(instant: Instant): string {
  return formatInstant(instant).replace(/[-:.]/g, "");
}

/** The moment that such a text names, or `undefined`. */
export function parseCompactInstant(text: string): Instant | undefined {
  const [, year, month, day, hour, minute, second, ms] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/.exec(text) ?? [];
  return parseInstant(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
}

/** Clocks differ; by more than this they are wrong. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** Whether a moment cannot have come yet, clocks being what they are. */
export function isInFuture(instant: Instant, now: Instant): boolean {
  return instant > now + CLOCK_TOLERANCE_MS;
}

/** The moment that RFC 3339 text names, or `undefined`. */
export function parseInstant(text: string): Instant | undefined {
  const instant = Date.parse(text);
  return Number.isNaN(instant) ? undefined : instant;
}
