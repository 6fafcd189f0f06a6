import type { BackupContext } from "../backup/context.ts";
import { readDecoded } from "../backup/copy-snapshot.ts";
import { createEncoder } from "../backup/encoder.ts";
import { abandonUpload, beginUpload, sealUpload } from "../backup/upload.ts";
import { isBackupError } from "../errors.ts";
import { encodingOf } from "../model/compression.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import { formatInstant, type Instant } from "../model/time.ts";
import type { ObjectStore, StoredObject, WrittenObject } from "../ports/object-store.ts";
import type { RebuildContext, Target } from "./context.ts";
import { describeImported } from "./describe-rebuilt.ts";
import type { Examined } from "./examine.ts";
import { leftOut, type Outcome } from "./outcome.ts";

export interface Import {
  readonly from: ObjectStore;
  readonly object: StoredObject;
  /** Its URL. */
  readonly source: string;
  readonly examined: Examined;
  readonly target: Target;
  readonly name: SnapshotName;
  readonly node: string;
  readonly takenAt: Instant;
  readonly k3sCluster: string | undefined;
  readonly dryRun: boolean;
}

/** Copies a snapshot as a backup is written: intent, object, manifest. Its bytes are held against those that were examined. */
export async function importInto({ backup }: RebuildContext, one: Import, signal: AbortSignal): Promise<Outcome> {
  const { from, object, target, name, k3sCluster, dryRun } = one;
  const store = target.destination.store.url("");
  const done = { action: "imported", key: from.fullKey(object.key), name, store } as const;
  const imported: Outcome = k3sCluster === undefined ? done : { ...done, k3sCluster };
  if (dryRun) return imported;
  try {
    await copy(backup, one, signal);
    // The same bytes may lie there under another name, such as that of a zip.
    target.held.add(name);
    return imported;
  } catch (error) {
    if (isBackupError(error, "SNAPSHOT_CORRUPT")) return leftOut({ store: from, key: object.key }, error.message);
    if (!isBackupError(error, "STORE_CONFLICT")) throw error;
    const why = "a run that was killed has left a part of it; the daemon clears that after an hour";
    return leftOut({ store: from, key: object.key }, `${error.message}: ${why}`);
  }
}

async function copy(context: BackupContext, one: Import, signal: AbortSignal): Promise<void> {
  const { target, name, node, takenAt, examined, source } = one;
  const { destination, identity } = target;
  const { snapshotSize } = examined.object.manifest;
  const encoding = encodingOf(context.compression);
  const metadata = { uuid: identity.uuid, node, tick: formatInstant(takenAt), run: name };
  const plan = { destination, name, encoding, expectedSize: snapshotSize, metadata };
  const upload = await beginUpload(context, plan, signal);
  await using begun = new AsyncDisposableStack();
  begun.defer(() => abandonUpload(context, upload));
  if (encoding.length === 0) upload.writer.expect(snapshotSize);
  const encoder = createEncoder(context.compression, (chunk) => upload.writer.write(chunk));
  for await (const chunk of readDecoded(examined.object, signal)) await encoder.write(chunk);
  const storedSha256 = await encoder.finish(examined.snapshotSha256);
  const described = { identity, name, writer: context.writer, store: destination.store, examined };
  const describe = (object: WrittenObject) =>
    describeImported({ ...described, object, encoding, storedSha256, node, takenAt, from: source });
  await sealUpload(context, { upload, describe }, signal);
}
