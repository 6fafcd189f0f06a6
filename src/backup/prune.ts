import { storedAt } from "../model/manifest.ts";
import {
  type Decision,
  frozenTimelines,
  planRetention,
  type RetentionCandidate,
  type RetentionPolicy,
} from "../model/retention.ts";
import { parseInstant } from "../model/time.ts";
import type { CatalogEntry } from "./catalog.ts";
import type { BackupContext } from "./context.ts";
import { type Deletion, deleteSnapshots } from "./delete-snapshots.ts";
import type { Destination } from "./destination.ts";

/** What pruning would do to one store, and what it decides on. */
export interface PrunePlan {
  readonly destination: Destination;
  readonly entries: readonly CatalogEntry[];
  /** One for each entry, in the same order. */
  readonly decisions: readonly Decision[];
  readonly frozen: readonly string[];
}

/** Plans the pruning of one store. A dry run is this alone. */
export async function planPrune(
  { destination, retention }: { readonly destination: Destination; readonly retention: RetentionPolicy },
  signal: AbortSignal,
): Promise<PrunePlan> {
  const { entries } = await destination.catalog.list(signal);
  const candidates = entries.map(toCandidate);
  const decisions = planRetention(candidates, retention, destination.store.now());
  return { destination, entries, decisions, frozen: frozenTimelines(candidates) };
}

/** Does what the plan says, and tells what is really gone. */
export async function executePrune(context: BackupContext, plan: PrunePlan, signal: AbortSignal): Promise<Deletion> {
  const { destination, entries, decisions, frozen } = plan;
  const doomed = new Set(decisions.filter(({ action }) => action === "delete").map(({ name }) => name));
  const manifests = entries.filter(({ name }) => doomed.has(name)).map(({ manifest }) => manifest);
  const deletion = await deleteSnapshots(context, { destination, manifests }, signal);
  const kept = entries.length - deletion.deleted.length - deletion.hidden.length;
  context.telemetry.pruneFinished({ store: destination.store.url(""), kept, ...deletion, frozen });
  return deletion;
}

export function toCandidate({ name, manifest, good, suspect, check }: CatalogEntry): RetentionCandidate {
  return {
    name,
    tick: parseInstant(manifest.tick) ?? storedAt(manifest),
    kind: manifest.kind,
    timeline: manifest.timeline,
    storedAt: storedAt(manifest),
    suspect,
    good,
    corrupt: check?.passed === false,
    lockedUntil: manifest.lock ? parseInstant(manifest.lock.until) : undefined,
  };
}
