import { isBackupError, messageOf } from "../errors.ts";
import { layout, type ObjectKey } from "../model/layout.ts";
import type { Manifest } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import type { DeleteOutcome } from "../ports/object-store.ts";
import type { BackupContext } from "./context.ts";
import type { Destination } from "./destination.ts";
import { dropIntent, encodeIntent } from "./upload.ts";

export interface Deletion {
  readonly deleted: readonly SnapshotName[];
  /** Not listed any more, but a versioned bucket keeps their bytes until its lifecycle rule expires them. */
  readonly hidden: readonly SnapshotName[];
  /** What is still there, though it was to go, and why. */
  readonly left: Readonly<Record<SnapshotName, string>>;
}

/**
 * Deletes snapshots from one store, and says of each whether it is really gone. A failure of one does not
 * spare the others.
 */
export async function deleteSnapshots(
  context: BackupContext,
  { destination, manifests }: { readonly destination: Destination; readonly manifests: readonly Manifest[] },
  signal: AbortSignal,
): Promise<Deletion> {
  const deleted: SnapshotName[] = [];
  const hidden: SnapshotName[] = [];
  const left: Record<SnapshotName, string> = {};
  for (const manifest of manifests) {
    const { name } = manifest;
    try {
      const outcome = await deleteSnapshot(context, { destination, manifest }, signal);
      if (outcome === "locked") left[name] = "locked by the bucket's object lock";
      else (outcome === "versionKept" ? hidden : deleted).push(name);
    } catch (error) {
      signal.throwIfAborted();
      if (!isBackupError(error)) throw error;
      left[name] = messageOf(error);
    }
  }
  return { deleted, hidden, left };
}

/**
 * An intent comes first, so that a deletion which is killed half-way is finished by recovery. Then the
 * manifest, so that nothing ever counts whose bytes are gone; then the bytes; then the intent.
 */
async function deleteSnapshot(
  context: BackupContext,
  { destination, manifest }: { readonly destination: Destination; readonly manifest: Manifest },
  signal: AbortSignal,
): Promise<DeleteOutcome> {
  const { name, encoding } = manifest;
  const { cluster } = context;
  const intent = encodeIntent(context, { name, purpose: "delete" });
  await destination.store.replace(layout.intent(cluster, name), intent, signal);
  const record = await destination.store.delete(layout.manifest(cluster, name), signal);
  // A locked manifest keeps the snapshot whole; what is not there any more is no reason to stop.
  const object =
    record === "locked" ? record : await destination.store.delete(layout.snapshot(cluster, name, encoding), signal);
  if (object !== "locked") {
    await deleteBelow(destination, layout.checks(cluster, name), signal);
    await deleteBelow(destination, layout.drills(cluster, name), signal);
  }
  await dropIntent(context, { destination, name });
  return object;
}

async function deleteBelow({ store }: Destination, prefix: ObjectKey, signal: AbortSignal): Promise<void> {
  for (const { key } of await Array.fromAsync(store.list(prefix, signal))) await store.delete(key, signal);
}
