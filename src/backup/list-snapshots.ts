import type { CheckMark } from "../model/check-record.ts";
import { type DrillMark, readDrillKey } from "../model/drill-record.ts";
import { layout } from "../model/layout.ts";
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
  /** What the checks say of each copy, by the store's URL. */
  readonly checks: Readonly<Record<string, CheckMark>>;
  /** The newest drill with it in any store. */
  readonly drill: DrillMark | undefined;
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
      drills: await listDrills(destination, signal),
      ...(await destination.catalog.list(signal)),
    }),
  );
  signal.throwIfAborted();
  const rows = new Map<SnapshotName, ListedSnapshot>();
  for (const { store, entries, drills } of valuesOf(listed)) {
    for (const entry of entries) {
      const drill = drills.get(entry.name);
      rows.set(entry.name, merge(rows.get(entry.name), { ...entry, store, drill }));
    }
  }
  return {
    snapshots: [...rows.values()].sort((a, b) => storedAt(a.manifest) - storedAt(b.manifest)),
    unreadable: valuesOf(listed).flatMap(({ store, unreadable }) => unreadable.map((entry) => ({ ...entry, store }))),
    failures: failuresOf(listed),
  };
}

/** The newest drill with each snapshot. */
async function listDrills(
  { store, catalog }: Destination,
  signal: AbortSignal,
): Promise<ReadonlyMap<SnapshotName, DrillMark>> {
  const drills = new Map<SnapshotName, DrillMark>();
  for await (const { key } of store.list(layout.allDrills(catalog.cluster), signal)) {
    const read = readDrillKey(key);
    // Keys come in order, and so do the times in them.
    if (read) drills.set(read.name, read.mark);
  }
  return drills;
}

interface Found extends CatalogEntry {
  readonly store: string;
  readonly drill: DrillMark | undefined;
}

function merge(row: ListedSnapshot | undefined, { store, drill, ...entry }: Found): ListedSnapshot {
  return {
    manifest: row?.manifest ?? entry.manifest,
    stores: [...(row?.stores ?? []), ...(entry.good ? [store] : [])],
    broken: [...(row?.broken ?? []), ...(entry.good ? [] : [store])],
    suspect: entry.suspect || (row?.suspect ?? false),
    checks: { ...row?.checks, ...(entry.check && { [store]: entry.check }) },
    drill: drill && (row?.drill?.at ?? 0) < drill.at ? drill : row?.drill,
  };
}
