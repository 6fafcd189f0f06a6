import { layout, type ObjectKey } from "./layout.ts";
import type { SnapshotName } from "./snapshot-name.ts";
import { compactInstant, type Instant, parseCompactInstant } from "./time.ts";

/** What came of a restore drill, as its key says. */
export interface DrillMark {
  readonly passed: boolean;
  readonly at: Instant;
}

/** Where a drill is recorded. Time and outcome stand in the key, so that a LIST tells them. */
export function drillKey(cluster: string, name: SnapshotName, { passed, at }: DrillMark): ObjectKey {
  return `${layout.drills(cluster, name)}${compactInstant(at)}-${passed ? "passed" : "failed"}.json`;
}

/** The snapshot that a key below `drills/` speaks of, and what it says; `undefined` for any other object. */
export function readDrillKey(key: ObjectKey): { readonly name: SnapshotName; readonly mark: DrillMark } | undefined {
  const [, name, time, outcome] = /\/drills\/([^/]+)\/(\w+)-(passed|failed)\.json$/.exec(key) ?? [];
  const at = parseCompactInstant(time ?? "");
  return name === undefined || at === undefined ? undefined : { name, mark: { passed: outcome === "passed", at } };
}
