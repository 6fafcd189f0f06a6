import { BackupError } from "../errors.ts";
import { formatInstant } from "../model/time.ts";
import { isSecretName, REDACTED, redactText } from "./redact.ts";

/** A value that JSON can hold, without a secret in it. */
export type Loggable =
  | string
  | number
  | boolean
  | null
  | readonly Loggable[]
  | { readonly [name: string]: Loggable | undefined };

/** Deep enough for an SDK's error with its causes; a cycle ends here, too. */
const MAX_DEPTH = 6;

/** Fields that hold an `Instant`, by the names that the ports give them. */
const INSTANT_NAME = /^(?:tick|at|until)$|[a-z]At$/;
/** Below it (1973) a number of such a name is no moment in milliseconds; above it JavaScript has no date. */
const [FIRST_INSTANT, LAST_INSTANT] = [1e11, 8.64e15] as const;

/**
 * The fields of an event as they may be logged: the one place through which everything variable passes. Never throws.
 * Instants become RFC 3339 text, bigints decimal text, errors `{ code, message, hint, cause }`.
 */
export function loggable(fields: Readonly<Record<string, unknown>>): Record<string, Loggable | undefined> {
  return plainFields(fields, 0);
}

function plainFields(fields: object, depth: number): Record<string, Loggable | undefined> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plainField(name, value, depth)]));
}

function plainField(name: string, value: unknown, depth: number): Loggable | undefined {
  if (value !== undefined && value !== "" && isSecretName(name)) return REDACTED;
  if (typeof value === "number" && INSTANT_NAME.test(name) && value > FIRST_INSTANT && value <= LAST_INSTANT) {
    return formatInstant(value);
  }
  return plain(value, depth + 1);
}

function plain(value: unknown, depth: number): Loggable | undefined {
  if (value === undefined || value === null || typeof value === "boolean") return value;
  if (typeof value === "string") return redactText(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object") return redactText(String(value));
  return depth > MAX_DEPTH ? "…" : plainObject(value, depth);
}

function plainObject(value: object, depth: number): Loggable | undefined {
  if (value instanceof Error) return plainError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid" : value.toISOString();
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1) ?? null);
  if (value instanceof Set) return plain([...value], depth);
  if (value instanceof Map) return plainFields(Object.fromEntries([...value].map(namedEntry)), depth);
  return plainFields(value, depth);
}

/** An object as a key may not even be willing to become text. */
function namedEntry([key, value]: [unknown, unknown]): [string, unknown] {
  return [typeof key === "object" ? "…" : String(key), value];
}

/** Whatever is no `BackupError` at the top is a bug, and a bug needs its stack. */
function plainError(error: Error, depth: number): Loggable {
  const code = "code" in error ? error.code : undefined;
  const isBug = depth === 1 && !(error instanceof BackupError);
  return {
    ...(error instanceof BackupError ? {} : { name: error.name }),
    code: typeof code === "string" || typeof code === "number" ? code : undefined,
    message: redactText(messageOf(error)),
    hint: error instanceof BackupError && error.hint !== undefined ? redactText(error.hint) : undefined,
    cause: depth < MAX_DEPTH ? plain(error.cause, depth + 1) : undefined,
    stack: isBug && error.stack !== undefined ? redactText(error.stack) : undefined,
  };
}

/** Node reports a connection refused on each address of a name as an `AggregateError` without a message. */
function messageOf(error: Error): string {
  if (error.message !== "" || !(error instanceof AggregateError)) return error.message;
  return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join("; ");
}
