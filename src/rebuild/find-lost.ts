import { mapLimit } from "../async/map-limit.ts";
import type { Destination } from "../backup/destination.ts";
import { layout, nameOfRecord, type ObjectKey } from "../model/layout.ts";
import { isSnapshotName, type SnapshotName } from "../model/snapshot-name.ts";
import { nameOfFile } from "../model/snapshot-url.ts";
import type { StoredObject } from "../ports/object-store.ts";
import { leftOut, type Outcome } from "./outcome.ts";

/** A snapshot without a manifest. */
export interface LostSnapshot {
  readonly name: SnapshotName;
  readonly encoding: readonly string[];
  /** With its metadata, where the store keeps such. */
  readonly object: StoredObject;
}

export interface FoundLost {
  readonly lost: readonly LostSnapshot[];
  /** What is not to be touched. */
  readonly others: readonly Outcome[];
}

const HEADS_AT_ONCE = 16;
/** Another node may be about to write its manifest; no upload takes that long between its last two steps. */
const YOUNG_MS = 3_600_000;

/**
 * Finds the objects of a cluster's `snapshots/` that have no manifest. Those that an intent speaks of are a run's, under way
 * or killed, and stay so even when `force` takes those that are young.
 */
export async function findLost(
  { store, catalog: { cluster } }: Destination,
  { force }: { readonly force: boolean },
  signal: AbortSignal,
): Promise<FoundLost> {
  // In this order: a run that ends meanwhile removes its intent when its manifest is there.
  const objects = await Array.fromAsync(store.list(layout.snapshots(cluster), signal));
  const intents = await namesBelow(layout.intents(cluster));
  const manifests = await namesBelow(layout.manifests(cluster));
  const others: Outcome[] = [];
  const found = objects.flatMap((object) => {
    const { name, encoding } = nameOfFile(object.key.slice(layout.snapshots(cluster).length));
    if (manifests.has(name)) return [];
    const why = objectionTo(name);
    if (why === undefined && (force || store.now() - object.storedAt >= YOUNG_MS)) return [{ name, encoding, object }];
    others.push(leftOut({ store, key: object.key }, why ?? YOUNG, !isSnapshotName(name)));
    return [];
  });
  const lost = await mapLimit(found, HEADS_AT_ONCE, async (each) => ({
    ...each,
    object: (await store.head(each.object.key, signal)) ?? each.object,
  }));
  return { lost, others };

  async function namesBelow(prefix: ObjectKey): Promise<ReadonlySet<SnapshotName | undefined>> {
    const records = await Array.fromAsync(store.list(prefix, signal));
    return new Set(records.map(({ key }) => nameOfRecord(key)));
  }

  function objectionTo(name: string): string | undefined {
    if (!isSnapshotName(name)) return "no snapshot of ours has such a name";
    if (!intents.has(name)) return undefined;
    return `a run is under way with it, or was killed: see "${store.url(layout.intent(cluster, name))}"`;
  }
}

const YOUNG = "it is younger than an hour, so that its manifest may be on its way; --force takes it";
