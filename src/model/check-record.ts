import { z } from "zod";
import { layout, type ObjectKey } from "./layout.ts";
import { parseJson } from "./manifest.ts";
import type { SnapshotName } from "./snapshot-name.ts";
import { compactInstant, type Instant, parseCompactInstant } from "./time.ts";

/**
 * How deep a check goes; each level does what those before it do.
 *
 * - `stored`: the object is there with the size and the lock that the manifest says.
 * - `digest`: its bytes are those that etcd's digest was made of.
 * - `structure`: every page and every row can be read, and each key's history is whole.
 * - `full`: the hash of all rows is the one that an earlier check found; with a live member, its HashKV as well.
 */
export const LEVELS = ["stored", "digest", "structure", "full"] as const;
export type Level = (typeof LEVELS)[number];

/** What came of the newest check, as its key says. */
export interface CheckMark {
  readonly level: Level;
  readonly passed: boolean;
  readonly at: Instant;
}

/** What is kept of a check below `checks/`; the figures only from level `structure` on. */
export const CheckRecord = z.looseObject({
  level: z.enum(LEVELS),
  passed: z.boolean(),
  hash: z.number().optional(),
  hashKv: z.number().optional(),
});
export type CheckRecord = z.infer<typeof CheckRecord>;

/** The record that a body is, or `undefined`. */
export function decodeCheckRecord(body: Uint8Array): CheckRecord | undefined {
  return CheckRecord.safeParse(parseJson(body)).data;
}

/** Where a check is recorded. Time and outcome stand in the key, so that a LIST tells them. */
export function checkKey(cluster: string, name: SnapshotName, { level, passed, at }: CheckMark): ObjectKey {
  return `${layout.checks(cluster, name)}${compactInstant(at)}-${level}-${passed ? "passed" : "failed"}.json`;
}

/** The snapshot that a key below `checks/` speaks of, and what it says; `undefined` for any other object. */
export function readCheckKey(key: ObjectKey): { readonly name: SnapshotName; readonly mark: CheckMark } | undefined {
  const [, name, time, word, outcome] = /\/checks\/([^/]+)\/(\w+)-([a-z]+)-(passed|failed)\.json$/.exec(key) ?? [];
  const level = LEVELS.find((each) => each === word);
  const at = parseCompactInstant(time ?? "");
  if (name === undefined || level === undefined || at === undefined) return undefined;
  return { name, mark: { level, passed: outcome === "passed", at } };
}

/**
 * What counts of several checks: a failure, until a later check that goes as deep finds nothing; else the deepest of those
 * that passed, and of equals the newest.
 */
export function decisiveMark(marks: readonly CheckMark[]): CheckMark | undefined {
  const failure = marks
    .filter((mark) => !mark.passed)
    .find((failed) => !marks.some((later) => later.passed && later.at > failed.at && depth(later) >= depth(failed)));
  const passed = marks.filter((mark) => mark.passed);
  return failure ?? passed.toSorted((a, b) => depth(b) - depth(a) || b.at - a.at)[0];
}

function depth({ level }: CheckMark): number {
  return LEVELS.indexOf(level);
}
