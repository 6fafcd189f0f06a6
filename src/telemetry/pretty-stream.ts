import type { LogStream } from "./log-stream.ts";

/** Said by the line's first words, or of no use to someone who watches one daemon. */
const HIDDEN = new Set(["level", "time", "event", "cluster", "node", "msg", "err"]);
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/**
 * Turns each JSON line into one that is read on a terminal, at once and in order. pino-pretty's own stream would
 * pass it on later, and a daemon that dies must have said why.
 */
export async function prettyStream(stream: LogStream, colour: boolean): Promise<LogStream> {
  // Once bundled, this CommonJS package has no exports but the default one.
  const { default: pinoPretty } = await import("pino-pretty");
  const pretty = pinoPretty.prettyFactory({
    colorize: colour,
    translateTime: "UTC:yyyy-mm-dd HH:MM:ss'Z'",
    hideObject: true,
    messageFormat: (log, messageKey) => oneLine(log, String(log[messageKey])),
  });
  return { write: (line) => stream.write(pretty(line)) };
}

function oneLine(log: Readonly<Record<string, unknown>>, message: string): string {
  const fields = Object.entries(log).filter(([name, value]) => !(HIDDEN.has(name) || isEmpty(value)));
  const { text, stack } = errorOf(log["err"]);
  return [message + text, ...fields.map(([name, value]) => fieldText(name, value))].join(" ") + stack;
}

/** A bug's stack is the one thing that takes more lines than one. */
function errorOf(error: unknown): { readonly text: string; readonly stack: string } {
  if (error === undefined) return { text: "", stack: "" };
  if (typeof error !== "object") return { text: `: ${String(error)}`, stack: "" };
  const { message, hint, stack } = { message: "", hint: undefined, stack: undefined, ...error };
  return {
    text: `: ${message}${hint === undefined ? "" : ` (${hint})`}`,
    stack: stack === undefined ? "" : `\n${stack}`,
  };
}

function isEmpty(value: unknown): boolean {
  return value === "" || value === null || (typeof value === "object" && Object.keys(value).length === 0);
}

function fieldText(name: string, value: unknown): string {
  if (name === "durationMs" && typeof value === "number") return `duration=${(value / 1000).toFixed(1)}s`;
  if (name === "bytes" && typeof value === "number") return `bytes=${sizeText(value)}`;
  if (Array.isArray(value)) return `${name}=${value.map(wordText).join(",")}`;
  return `${name}=${wordText(value)}`;
}

function sizeText(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1);
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)}${UNITS[power]}`;
}

function wordText(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return typeof value === "string" && /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}
