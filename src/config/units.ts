import { z } from "zod";

const UNIT_MS = [
  ["w", 604_800_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;
const UNIT_BYTES = [
  ["TiB", 2 ** 40],
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
  ["B", 1],
] as const;

/** `30s`, `5m`, `1h30m`, `0`: milliseconds, or `undefined` if it is no duration. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(?:\.\d+)?(?:ms|[smhdw]))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)];
  return whole(parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * factorOf(UNIT_MS, unit), 0));
}

/** `8MiB`, `1.5GiB`, or a bare number of bytes; `undefined` if it is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)?$/.exec(text);
  return match ? whole(Number(match[1]) * factorOf(UNIT_BYTES, match[2] ?? "B")) : undefined;
}

/** Milliseconds as they are written in a config file: `90000` is `1m30s`. Weeks are written as days. */
export function formatDuration(ms: number): string {
  let rest = ms;
  const parts = UNIT_MS.slice(1).map(([unit, factor]) => {
    const amount = Math.floor(rest / factor);
    rest -= amount * factor;
    return amount > 0 ? `${amount}${unit}` : "";
  });
  return parts.join("") || "0s";
}

/** Bytes as they are written in a config file, in the largest unit that leaves no fraction: `8MiB`. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return "0";
  const [unit, factor] = UNIT_BYTES.find(([, size]) => bytes % size === 0 && bytes >= size) ?? ["B", 1];
  return `${bytes / factor}${unit}`;
}

/** A duration in a config file; parsed, milliseconds. */
export const duration = unit("duration", parseDuration, 'Write "30s", "5m", "12h" or "7d"');

/** A size in a config file; parsed, bytes. */
export const size = unit("size", parseSize, 'Write "8MiB" or "1GiB"');

function unit(name: string, parse: (text: string) => number | undefined, hint: string) {
  return z
    .union([z.string(), z.number()])
    .transform((value, context) => {
      const parsed = parse(String(value));
      if (parsed !== undefined) return parsed;
      context.addIssue({ code: "custom", message: `it is not a ${name}`, params: { hint } });
      return z.NEVER;
    })
    .meta({ "x-unit": name });
}

function factorOf(units: readonly (readonly [string, number])[], unit: string | undefined): number {
  return units.find(([name]) => name === unit)?.[1] ?? Number.NaN;
}

/** Beyond the safe integers arithmetic would go wrong without a word. */
function whole(amount: number): number | undefined {
  const rounded = Math.round(amount);
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}
