import { BackupError } from "../errors.ts";

/** What a cron expression says, as sorted lists of the values that match. */
export interface Cron {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: readonly number[];
  /** 1 is January. */
  readonly months: readonly number[];
  /** 0 is Sunday. */
  readonly daysOfWeek: readonly number[];
  /**
   * A day matches when either of its fields does, else when both do. As in Vixie cron (entry.c:
   * DOM_STAR, DOW_STAR), it is "either" unless one of the two begins with `*`, `*` and a step included.
   */
  readonly eitherDay: boolean;
}

interface Field {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  /** Names of the values from `min` on. */
  readonly names?: readonly string[];
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"] as const;
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;

const SECOND: Field = { label: "second", min: 0, max: 59 };
const MINUTE: Field = { label: "minute", min: 0, max: 59 };
const HOUR: Field = { label: "hour", min: 0, max: 23 };
const DAY_OF_MONTH: Field = { label: "day of month", min: 1, max: 31 };
const MONTH: Field = { label: "month", min: 1, max: 12, names: MONTHS };
const DAY_OF_WEEK: Field = { label: "day of week", min: 0, max: 7, names: WEEKDAYS };

const ALIASES: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};

const FIELDS_HINT =
  'Write "minute hour day-of-month month day-of-week", as in "0 */6 * * *", or six fields with seconds first';

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/^@every/i, 'Write the moments instead: "*/5 * * * *" for every five minutes, "0 */6 * * *" for every six hours'],
  [/^@reboot/i, "Set schedule.onStart for a backup when the daemon starts"],
  [/^@/, `Write one of ${Object.keys(ALIASES).join(" ")}, or five fields`],
  [/TZ=/i, "Set schedule.timezone for the time zone"],
];

/** Parses five fields, six with seconds first, or an alias such as `@daily`. Throws `CONFIG_INVALID`. */
export function parseCron(text: string): Cron {
  const fields = splitFields(text);
  const parse = (index: number, field: Field): number[] => parseField(fields[index] ?? "", field, text);
  return {
    seconds: parse(0, SECOND),
    minutes: parse(1, MINUTE),
    hours: parse(2, HOUR),
    daysOfMonth: parse(3, DAY_OF_MONTH),
    months: parse(4, MONTH),
    daysOfWeek: sorted(parse(5, DAY_OF_WEEK).map((day) => day % 7)),
    eitherDay: fields[3]?.startsWith("*") === false && fields[5]?.startsWith("*") === false,
  };
}

/** That a schedule cannot be used, as the error that operators meet. */
export function scheduleError(text: string, why: string, hint = FIELDS_HINT): BackupError {
  return new BackupError("CONFIG_INVALID", `Cannot use schedule "${text}": ${why}`, { hint });
}

/** Six fields, seconds first. */
function splitFields(text: string): string[] {
  const trimmed = text.trim();
  const fields = (ALIASES[trimmed.toLowerCase()] ?? trimmed).split(/\s+/);
  const hint = HINTS.find(([pattern]) => pattern.test(trimmed))?.[1];
  if (hint !== undefined && fields.length !== 5) throw scheduleError(text, "this form is not supported", hint);
  if (fields.length === 5) return ["0", ...fields];
  if (fields.length === 6) return fields;
  throw scheduleError(text, `expected five or six fields, got ${trimmed === "" ? 0 : fields.length}`);
}

function parseField(text: string, field: Field, expression: string): number[] {
  return sorted(text.split(",").flatMap((item) => expandItem(item, field, expression)));
}

/** `*`, `7`, `MON`, `1-5`, each but single values with an optional `/step`. */
function expandItem(item: string, field: Field, expression: string): number[] {
  const [, first = "", last, step] = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(item) ?? [];
  const from = first === "*" ? field.min : valueIn(first, field);
  const to = last === undefined ? (first === "*" ? field.max : from) : valueIn(last, field);
  const why = objection({ item, field, from, to, step });
  if (why !== undefined) throw scheduleError(expression, why);
  return range(from ?? 0, to ?? 0, Number(step ?? 1));
}

interface Item {
  readonly item: string;
  readonly field: Field;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly step: string | undefined;
}

function objection({ item, field, from, to, step }: Item): string | undefined {
  const { label, min, max } = field;
  if (from === undefined || to === undefined || (item.startsWith("*") && item.includes("-"))) {
    return `${label} "${item}" is no value, range or list from ${min} to ${max}`;
  }
  if (from > to) return `${label} "${item}" runs backwards; write it as a list of two ranges`;
  if (step !== undefined && !/[*-]/.test(item)) {
    return `${label} "${item}" has a step without a range; write "${item.replace("/", `-${field.max}/`)}"`;
  }
  return step !== undefined && Number(step) === 0 ? `${label} "${item}" has a step of 0` : undefined;
}

function valueIn(text: string, { min, max, names = [] }: Field): number | undefined {
  const named = names.indexOf(text.toLowerCase());
  const value = named >= 0 ? named + min : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);
}

function sorted(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
