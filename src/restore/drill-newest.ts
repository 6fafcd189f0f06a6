import type { Destination } from "../backup/destination.ts";
import { BackupError } from "../errors.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { type Copy, newestOf, verifyCopy } from "../verify/verify-copies.ts";
import { type DrillContext, type DrillPrograms, type DrillResult, drillSnapshot } from "./drill.ts";
import { recordDrill } from "./record-drill.ts";

/** Which snapshot is tried, and with what. */
export interface DrillRequest {
  readonly destinations: readonly Destination[];
  /** The newest good one if `undefined`. */
  readonly name: SnapshotName | undefined;
  readonly programs: DrillPrograms;
  readonly telemetry: Telemetry;
}

/** What was tried, and what came of it. */
export interface Drill {
  readonly snapshot: SnapshotName;
  readonly store: string;
  readonly passed: boolean;
  readonly findings: readonly string[];
  /** Absent when there was no etcd to start, and the snapshot was verified instead. */
  readonly result: DrillResult | undefined;
  /** URL of the record; empty without a result: then there is one of the check. */
  readonly record: string;
}

/**
 * Tries one snapshot, and keeps what came of it beside it. Without an etcd to start it is verified instead, and that is
 * said. Rejects with `SNAPSHOT_NOT_FOUND` when there is none, or when it could not be tried.
 */
export async function drill(context: DrillContext, request: DrillRequest, signal: AbortSignal): Promise<Drill> {
  const { telemetry, programs } = request;
  const { destination, entry } = await choose(request, signal);
  const { store, catalog } = destination;
  const snapshot = { store, cluster: catalog.cluster, manifest: entry.manifest };
  const result = await drillSnapshot(context, { snapshot, programs }, signal);
  const tried = { snapshot: entry.name, store: store.url("") };
  if (result === undefined) return await verifyInstead(context, { ...request, copy: { destination, entry } }, signal);
  const { mark, url } = await recordDrill(context.verify, { snapshot, result }, signal);
  const findings = result.findings.map(({ message }) => message);
  const { timeToRestoreMs } = result;
  telemetry.drillFinished({ ...tried, passed: mark.passed, findings, timeToRestoreMs, record: url });
  return { ...tried, passed: mark.passed, findings, result, record: url };
}

/** The bucket before the directory: a drill shows what is left when this machine is not. */
async function choose({ destinations, name }: DrillRequest, signal: AbortSignal): Promise<Copy> {
  const order = destinations.toSorted((a, b) => Number(b.store.kind === "s3") - Number(a.store.kind === "s3"));
  for (const destination of order) {
    const { entries } = await destination.catalog.list(signal);
    const entry = entries.find((each) => each.name === name);
    const [copy] = name === undefined ? newestOf(destination, entries) : entry ? [{ destination, entry }] : [];
    if (copy) return copy;
  }
  throw new BackupError("SNAPSHOT_NOT_FOUND", `Cannot drill: there is no ${name ? `"${name}"` : "good snapshot"}`, {
    hint: "`etcd-ark list` shows what there is",
  });
}

async function verifyInstead(
  context: DrillContext,
  { copy, telemetry }: DrillRequest & { readonly copy: Copy },
  signal: AbortSignal,
): Promise<Drill> {
  const tried = { snapshot: copy.entry.name, store: copy.destination.store.url("") };
  telemetry.warning("Cannot drill without an etcd to start: the snapshot is verified instead", {
    ...tried,
    hint: "Name etcd's server program with --etcd or drill.etcd",
  });
  const options = { level: "full", askHash: undefined } as const;
  const { mark, verification, durationMs } = await verifyCopy(context.verify, { copy, options }, signal);
  const findings = verification.findings.map(({ message }) => message);
  telemetry.verifyFinished({ ...tried, level: "full", passed: mark.passed, findings, durationMs });
  return { ...tried, passed: mark.passed, findings, result: undefined, record: "" };
}
