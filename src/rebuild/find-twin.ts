import type { Destination } from "../backup/destination.ts";
import { findSnapshot } from "../backup/find-snapshot.ts";
import { isBackupError } from "../errors.ts";
import type { Manifest } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import type { RebuildContext } from "./context.ts";
import type { Examined } from "./examine.ts";

/** The manifest of the same snapshot in another store, if there is one and the bytes are those that it speaks of. */
export async function findTwin(
  { backup }: RebuildContext,
  wanted: { readonly destination: Destination; readonly name: SnapshotName; readonly examined: Examined },
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  const { destination, name, examined } = wanted;
  const others = backup.destinations.flatMap(({ store }) => (store === destination.store ? [] : [store]));
  try {
    const { manifest } = await findSnapshot(others, { cluster: backup.cluster, name }, signal);
    return manifest.storedSha256 === examined.object.manifest.storedSha256 ? manifest : undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!isBackupError(error)) throw error;
    // It is only better to have one.
    return undefined;
  }
}
