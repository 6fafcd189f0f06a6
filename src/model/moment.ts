import { formatInstant, type Instant } from "./time.ts";

const MOMENT = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * The moment that an operator means: RFC 3339 with its zone, or a date and a time of day, which are UTC. `undefined` for
 * anything else: `Date.parse` alone would take half a date, local time, and the 30th of February.
 */
export function parseMoment(text: string): Instant | undefined {
  const [, date = "", minutes = "", seconds = ":00", fraction = "", zone = "Z"] = MOMENT.exec(text) ?? [];
  const local = Date.parse(`${date}T${minutes}${seconds}Z`);
  if (Number.isNaN(local) || formatInstant(local) !== `${date}T${minutes}${seconds}.000Z`) return undefined;
  const instant = Date.parse(`${date}T${minutes}${seconds}${fraction}${zone}`);
  return Number.isNaN(instant) ? undefined : instant;
}
