import { layout } from "../model/layout.ts";
import { encodeJson, encodeManifest, type Manifest } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import { formatInstant } from "../model/time.ts";
import type { ObjectWriter, WrittenObject } from "../ports/object-store.ts";
import type { BackupContext } from "./context.ts";
import type { Destination } from "./destination.ts";

export interface UploadPlan {
  readonly destination: Destination;
  readonly name: SnapshotName;
  readonly encoding: readonly string[];
  /** Bytes, or 0 if unknown. */
  readonly expectedSize: number;
  /** User metadata of the object: fixed before its bytes are known. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A snapshot on its way into one destination: the intent is written and the object begun. */
export interface Upload {
  readonly destination: Destination;
  readonly name: SnapshotName;
  readonly encoding: readonly string[];
  readonly writer: ObjectWriter;
}

/**
 * Writes the intent, then begins the object. The intent goes first, so that whatever a killed run leaves
 * behind is known by name (`recoverRuns` clears it).
 */
export async function beginUpload(context: BackupContext, plan: UploadPlan, signal: AbortSignal): Promise<Upload> {
  const { destination, name, encoding, expectedSize, metadata } = plan;
  const intent = encodeIntent(context, { name, purpose: "backup" });
  await destination.store.create(layout.intent(context.cluster, name), intent, signal);
  try {
    const key = layout.snapshot(context.cluster, name, encoding);
    const writer = await destination.store.open(key, { expectedSize, metadata }, signal);
    return { destination, name, encoding, writer };
  } catch (error) {
    await dropIntent(context, { destination, name });
    throw error;
  }
}

/**
 * Makes a backup of an upload: completes the object, then writes the manifest, which makes it count. The
 * order is promise 1: a manifest never speaks of an object that is not there.
 */
export async function sealUpload(
  context: BackupContext,
  { upload, describe }: { readonly upload: Upload; readonly describe: (object: WrittenObject) => Manifest },
  signal: AbortSignal,
): Promise<Manifest> {
  const manifest = describe(await upload.writer.complete());
  const { store } = upload.destination;
  await store.create(layout.manifest(context.cluster, upload.name), encodeManifest(manifest), signal);
  // From here on the backup counts, whatever becomes of the intent.
  await dropIntent(context, upload);
  return manifest;
}

/**
 * Ends an upload: a no-op once it is sealed. If nothing of it can have become an object, its intent goes
 * too; else the intent stays, and recovery decides by the manifest.
 */
export async function abandonUpload(context: BackupContext, upload: Upload): Promise<void> {
  await upload.writer[Symbol.asyncDispose]();
  if (upload.writer.mayExist) return;
  await dropIntent(context, upload);
}

/** Removes the intent of a run that is over. One that stays behind is cleared by the next recovery. */
export async function dropIntent(
  context: BackupContext,
  { destination, name }: { readonly destination: Destination; readonly name: SnapshotName },
): Promise<void> {
  try {
    await destination.store.delete(layout.intent(context.cluster, name), context.cleanUpSignal());
  } catch (error) {
    context.telemetry.warning("Cannot remove the intent of a run that is over", { snapshot: name, err: error });
  }
}

/** Says what is about to happen to a snapshot, so that a run which is killed can be cleaned up after. */
export function encodeIntent(
  { node, clock, writer }: BackupContext,
  { name, purpose }: { readonly name: SnapshotName; readonly purpose: "backup" | "delete" },
): Uint8Array {
  return encodeJson({ name, purpose, node, startedAt: formatInstant(clock.now()), writer });
}
