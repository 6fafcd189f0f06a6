import { z } from "zod";
import { layout, nameOfRecord, type ObjectKey } from "../model/layout.ts";
import { parseJson } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import type { Instant } from "../model/time.ts";
import type { StoredObject } from "../ports/object-store.ts";
import type { BackupContext } from "./context.ts";
import type { Destination } from "./destination.ts";

export interface RecoveryLimits {
  /** An intent younger than this may belong to a run that is under way elsewhere under this node's name. */
  readonly intentAgeMs: number;
  /** The same for an unfinished upload that has no intent. */
  readonly uploadAgeMs: number;
}

const RECOVERY_LIMITS: RecoveryLimits = { intentAgeMs: 3_600_000, uploadAgeMs: 86_400_000 };

const Intent = z.looseObject({ name: z.string(), node: z.string() });

/**
 * Clears what killed runs of this node left in a store: for each old intent without a manifest the object,
 * its unfinished uploads and then the intent; and unfinished uploads of this cluster's objects that are
 * older still. An intent whose manifest is there is only a leftover and is removed by itself.
 */
export async function recoverRuns(
  context: BackupContext,
  { destination, limits = RECOVERY_LIMITS }: { readonly destination: Destination; readonly limits?: RecoveryLimits },
  signal: AbortSignal,
): Promise<void> {
  const { store } = destination;
  const recoveredRuns: SnapshotName[] = [];
  const intents = await Array.fromAsync(store.list(layout.intents(context.cluster), signal));
  for (const object of intents) {
    if (!isOlder(destination, object.storedAt, limits.intentAgeMs)) continue;
    const name = await nameOfOwnIntent(context, { destination, object }, signal);
    if (name === undefined) continue;
    await recoverRun(context, { destination, name }, signal);
    recoveredRuns.push(name);
  }
  const abandonedUploads = await sweepUploads(context, { destination, limits }, signal);
  await sweepCanaries(context, { destination, limits }, signal);
  if (recoveredRuns.length + abandonedUploads === 0) return;
  context.telemetry.sweepFinished({ store: store.url(""), recoveredRuns, abandonedUploads });
}

/** By the store's clock: this node's may be a day ahead, and another node's upload is not to be taken for an old one. */
function isOlder({ store }: Destination, since: Instant, ageMs: number): boolean {
  return store.now() - since >= ageMs;
}

async function nameOfOwnIntent(
  context: BackupContext,
  { destination, object }: { readonly destination: Destination; readonly object: StoredObject },
  signal: AbortSignal,
): Promise<SnapshotName | undefined> {
  const body = await destination.store.get(object.key, signal);
  const intent = body && Intent.safeParse(parseJson(body));
  const own = intent?.success && intent.data.node === context.node && intent.data.name === nameOfRecord(object.key);
  return own ? intent.data.name : undefined;
}

async function recoverRun(
  context: BackupContext,
  { destination, name }: { readonly destination: Destination; readonly name: SnapshotName },
  signal: AbortSignal,
): Promise<void> {
  const { store } = destination;
  if (!(await store.head(layout.manifest(context.cluster, name), signal))) {
    const prefix = `${layout.snapshots(context.cluster)}${name}`;
    for (const key of await keysOf(destination, { prefix, name }, signal)) await store.delete(key, signal);
    for await (const upload of store.listUnfinished(prefix, signal)) await store.abandon(upload, signal);
  }
  await store.delete(layout.intent(context.cluster, name), signal);
}

/** The snapshot's object, however it was encoded; not those of a longer name that begins alike. */
async function keysOf(
  { store }: Destination,
  { prefix, name }: { readonly prefix: string; readonly name: SnapshotName },
  signal: AbortSignal,
): Promise<ObjectKey[]> {
  const objects = await Array.fromAsync(store.list(prefix, signal));
  return objects
    .map(({ key }) => key)
    .filter((key) => /^(\.zst|\.gz)*$/.test(key.slice(key.lastIndexOf("/") + 1 + name.length)));
}

async function sweepUploads(
  context: BackupContext,
  { destination, limits }: { readonly destination: Destination; readonly limits: RecoveryLimits },
  signal: AbortSignal,
): Promise<number> {
  let abandoned = 0;
  for await (const upload of destination.store.listUnfinished(`${context.cluster}/`, signal)) {
    if (!isOwnKey(context.cluster, upload.key) || !isOlder(destination, upload.startedAt, limits.uploadAgeMs)) continue;
    await destination.store.abandon(upload, signal);
    abandoned += 1;
  }
  return abandoned;
}

/** What a `doctor` that was killed has written. */
async function sweepCanaries(
  { cluster }: BackupContext,
  { destination, limits }: { readonly destination: Destination; readonly limits: RecoveryLimits },
  signal: AbortSignal,
): Promise<void> {
  const { store } = destination;
  for (const { key, storedAt } of await Array.fromAsync(store.list(layout.canaries(cluster), signal))) {
    if (isOlder(destination, storedAt, limits.intentAgeMs)) await store.delete(key, signal);
  }
}

/** Records count as well: in a directory each is a temporary file first. What others keep beside them is theirs. */
function isOwnKey(cluster: string, key: ObjectKey): boolean {
  const folders = [
    layout.snapshots(cluster),
    layout.manifests(cluster),
    layout.intents(cluster),
    layout.allChecks(cluster),
    layout.allDrills(cluster),
  ];
  const files = [layout.identity(cluster), layout.runbook(cluster)];
  return files.includes(key) || folders.some((folder) => key.startsWith(folder));
}
