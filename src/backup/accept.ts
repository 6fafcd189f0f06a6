import { BackupError } from "../errors.ts";
import { layout } from "../model/layout.ts";
import { encodeJson } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import { formatInstant } from "../model/time.ts";
import type { CatalogEntry } from "./catalog.ts";
import type { BackupContext } from "./context.ts";
import type { Destination } from "./destination.ts";

export interface Acceptance {
  readonly name: SnapshotName;
  /** The store's own URL. */
  readonly store: string;
}

/**
 * Records that somebody has looked at the suspect snapshots and holds history to be right: pruning of their
 * timeline goes on. Without names, all are accepted. Returns those accepted now; rejects with `SNAPSHOT_NOT_FOUND`, and
 * accepts nothing, when no store has one of the names.
 */
export async function acceptSnapshots(
  context: BackupContext,
  names: readonly SnapshotName[],
  signal: AbortSignal,
): Promise<Acceptance[]> {
  const listed: Listed[] = [];
  for (const destination of context.destinations) {
    listed.push({ destination, entries: (await destination.catalog.list(signal)).entries });
  }
  refuseUnknown(
    names,
    listed.flatMap(({ entries }) => entries.map(({ name }) => name)),
  );
  const accepted: Acceptance[] = [];
  for (const { destination, entries } of listed) {
    const chosen = entries.filter(({ name, suspect }) => suspect && (names.length === 0 || names.includes(name)));
    for (const entry of chosen) {
      await recordAcceptance(context, { destination, entry }, signal);
      accepted.push({ name: entry.name, store: destination.store.url("") });
    }
  }
  return accepted;
}

interface Listed {
  readonly destination: Destination;
  readonly entries: readonly CatalogEntry[];
}

function refuseUnknown(names: readonly SnapshotName[], known: readonly SnapshotName[]): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new BackupError("SNAPSHOT_NOT_FOUND", `Cannot accept snapshot "${unknown}": there is none of that name`, {
    hint: "Nothing was accepted; `etcd-ark list` shows the names",
  });
}

async function recordAcceptance(
  { cluster, node, clock }: BackupContext,
  { destination, entry }: { readonly destination: Destination; readonly entry: CatalogEntry },
  signal: AbortSignal,
): Promise<void> {
  const { name, manifest } = entry;
  const record = { name, reasons: manifest.suspect, node, acceptedAt: formatInstant(clock.now()) };
  await destination.store.replace(layout.accepted(cluster, name), encodeJson(record), signal);
}
