import { type Manifest, storedAt } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import type { CatalogEntry } from "./catalog.ts";
import { type Destination, failuresOf, onEach, valuesOf } from "./destination.ts";

/** A snapshot, wherever it is. */
export interface ListedSnapshot {
  readonly manifest: Manifest;
  /** URLs of the stores whose object is there with the right size. */
  readonly stores: readonly string[];
  /** URLs of the stores whose manifest speaks of an object that is missing or has another size. */
  readonly broken: readonly string[];
  readonly suspect: boolean;
}

export interface SnapshotList {
  /** Oldest first. */
  readonly snapshots: readonly ListedSnapshot[];
  /** Manifests that cannot be read: a name, a store's URL and the reason. */
  readonly unreadable: readonly { readonly name: SnapshotName; readonly store: string; readonly why: string }[];
  /** Stores that could not be listed. */
  readonly failures: readonly { readonly destination: Destination; readonly error: unknown }[];
}

/** Lists all destinations at once; a snapshot that several hold is one row. */
export async function listSnapshots(destinations: readonly Destination[], signal: AbortSignal): Promise<SnapshotList> {
  const listed = await onEach(
    destinations.map((destination) => ({ destination })),
    async ({ destination }) => ({
      store: destination.store.url(""),
      ...(await destination.catalog.list(signal)),
    }),
  );
  signal.throwIfAborted();
  const rows = new Map<SnapshotName, ListedSnapshot>();
  for (const { store, entries } of valuesOf(listed)) {
    for (const entry of entries) rows.set(entry.name, merge(rows.get(entry.name), entry, store));
  }
  return {
    snapshots: [...rows.values()].sort((a, b) => storedAt(a.manifest) - storedAt(b.manifest)),
    unreadable: valuesOf(listed).flatMap(({ store, unreadable }) => unreadable.map((entry) => ({ ...entry, store }))),
    failures: failuresOf(listed),
  };
}

function merge(row: ListedSnapshot | undefined, entry: CatalogEntry, store: string): ListedSnapshot {
  return {
    manifest: row?.manifest ?? entry.manifest,
    stores: [...(row?.stores ?? []), ...(entry.good ? [store] : [])],
    broken: [...(row?.broken ?? []), ...(entry.good ? [] : [store])],
    suspect: entry.suspect || (row?.suspect ?? false),
  };
}
