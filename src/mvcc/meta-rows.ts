import { rowsOf } from "../bolt/check-database.ts";
import type { Slice } from "../bolt/page-check.ts";
import type { PageRun } from "../bolt/page-run.ts";
import type { Findings } from "../model/finding.ts";
import { readRevisionKey } from "./revision-key.ts";

/** Rows of bucket `meta` that etcd reads without looking at their length (`schema/schema.go`, `mvcc/store.go`). */
const CHECKS: ReadonlyMap<string, (value: Slice) => boolean> = new Map([
  ["consistent_index", isUint64],
  ["term", isUint64],
  ["scheduledCompactRev", isRevision],
  ["finishedCompactRev", isRevision],
]);
const decoder = new TextDecoder();

/** Reports rows on a leaf of bucket `meta` that a starting etcd would stumble over. */
export function checkMetaRows(leaf: PageRun, findings: Findings): void {
  for (const { key, value } of rowsOf(leaf)) {
    const name = decoder.decode(key.bytes.subarray(key.start, key.end));
    const isSound = CHECKS.get(name)?.(value) ?? true;
    if (!isSound) findings.add("ROWS", `row "${name}" of bucket "meta" has another form`);
  }
}

function isUint64({ start, end }: Slice): boolean {
  return end - start === 8;
}

function isRevision(value: Slice): boolean {
  return readRevisionKey(value)?.isTombstone === false;
}
