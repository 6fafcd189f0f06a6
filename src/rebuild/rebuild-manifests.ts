import type { Destination } from "../backup/destination.ts";
import { isBackupError } from "../errors.ts";
import type { ClusterIdentity } from "../model/identity.ts";
import { layout } from "../model/layout.ts";
import { encodeManifest } from "../model/manifest.ts";
import type { RebuildContext, RebuildOptions } from "./context.ts";
import { describeRebuilt } from "./describe-rebuilt.ts";
import { examine } from "./examine.ts";
import { findLost, type LostSnapshot } from "./find-lost.ts";
import { findTwin } from "./find-twin.ts";
import { leftOut, type Outcome } from "./outcome.ts";
import { whoseFolder } from "./whose-folder.ts";

export interface RebuildRequest extends RebuildOptions {
  readonly destination: Destination;
  /** The uuid for a folder about which nothing is known. */
  readonly fallback: string;
  /** Whether objects are taken that are younger than an hour. */
  readonly force: boolean;
}

/**
 * Makes manifests anew for the snapshots of one store that have lost theirs, once each was found to be whole. A manifest
 * is created, never written over another; the objects are not touched.
 */
export async function* rebuildManifests(
  context: RebuildContext,
  request: RebuildRequest,
  signal: AbortSignal,
): AsyncGenerator<Outcome, void, void> {
  const { lost, others } = await findLost(request.destination, request, signal);
  yield* others;
  if (lost.length === 0) return;
  const named = lost.flatMap(({ object }) => object.metadata?.["uuid"] ?? []);
  const identity = await whoseFolder(context.backup, { ...request, named }, signal);
  for (const snapshot of lost) yield await rebuildOne(context, { ...request, identity, snapshot }, signal);
}

interface One extends RebuildRequest {
  readonly identity: ClusterIdentity;
  readonly snapshot: LostSnapshot;
}

async function rebuildOne(context: RebuildContext, request: One, signal: AbortSignal): Promise<Outcome> {
  const { destination, identity, snapshot, dryRun } = request;
  const { store } = destination;
  const { name, encoding, object } = snapshot;
  const { key, size } = object;
  const uuid = object.metadata?.["uuid"] ?? identity.uuid;
  if (uuid !== identity.uuid) return leftOut({ store, key }, `it is of another cluster, ${uuid}`);
  const examined = await examine(context.verify, { store, key, size, encoding }, signal);
  if (typeof examined === "string") return leftOut({ store, key }, examined);
  const { writer } = context.backup;
  const twin = await findTwin(context, { destination, name, examined }, signal);
  const manifest = describeRebuilt({ identity, name, writer, store, examined, object, twin });
  const rebuilt: Outcome = { action: "rebuilt", key: store.fullKey(key), name, store: store.url("") };
  if (dryRun) return rebuilt;
  try {
    await store.create(layout.manifest(identity.cluster, name), encodeManifest(manifest), signal);
    return rebuilt;
  } catch (error) {
    if (!isBackupError(error, "STORE_CONFLICT")) throw error;
    return leftOut({ store, key }, "another manifest of this name has appeared meanwhile", false);
  }
}
