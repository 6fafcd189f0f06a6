import type { StoredSnapshot } from "../backup/copy-snapshot.ts";
import { type DrillMark, drillKey } from "../model/drill-record.ts";
import { encodeJson, FORMAT_VERSION } from "../model/manifest.ts";
import { formatInstant } from "../model/time.ts";
import type { VerifyContext } from "../verify/context.ts";
import { figuresOf } from "../verify/record-check.ts";
import type { DrillResult } from "./drill.ts";

/** A drill that was recorded. */
export interface RecordedDrill {
  readonly mark: DrillMark;
  /** URL of the record. */
  readonly url: string;
}

/** Keeps what a drill has shown beside the snapshot, where `list` sees it. */
export async function recordDrill(
  { node, writer, clock }: VerifyContext,
  { snapshot, result }: { readonly snapshot: StoredSnapshot; readonly result: DrillResult },
  signal: AbortSignal,
): Promise<RecordedDrill> {
  const { store, cluster, manifest } = snapshot;
  const { findings, inspection, ...facts } = result;
  const mark = { passed: findings.length === 0, at: clock.now() };
  const key = drillKey(cluster, manifest.name, mark);
  const record = {
    formatVersion: FORMAT_VERSION,
    minReader: FORMAT_VERSION,
    name: manifest.name,
    cluster,
    passed: mark.passed,
    findings,
    ...facts,
    ...(inspection && figuresOf(inspection)),
    drilledAt: formatInstant(mark.at),
    node,
    writer,
  };
  await store.create(key, encodeJson(record), signal);
  return { mark, url: store.url(key) };
}
