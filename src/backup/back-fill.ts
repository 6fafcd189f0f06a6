import { isBackupError } from "../errors.ts";
import { layout } from "../model/layout.ts";
import type { Manifest } from "../model/manifest.ts";
import { planRetention, type RetentionPolicy } from "../model/retention.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import type { WrittenObject } from "../ports/object-store.ts";
import type { CatalogEntry } from "./catalog.ts";
import type { BackupContext } from "./context.ts";
import { copyStored } from "./copy-snapshot.ts";
import { describeStored } from "./describe-snapshot.ts";
import type { Destination } from "./destination.ts";
import { toCandidate } from "./prune.ts";
import { abandonUpload, beginUpload, sealUpload } from "./upload.ts";

export interface BackFill {
  readonly from: Destination;
  readonly to: Destination;
  readonly retention: RetentionPolicy;
}

/** More would hold the run lock for too long; the next run goes on. */
const AT_ONCE = 10;

/**
 * Brings good snapshots that only `from` holds to `to`, oldest first and at most ten of them: those that were taken while
 * `to` could not be reached. What the retention of `to` would not keep is left where it is, and so never comes back once
 * pruned. A damaged one is said and left out.
 */
export async function backFill(context: BackupContext, fill: BackFill, signal: AbortSignal): Promise<Manifest[]> {
  const source = await fill.from.catalog.list(signal);
  const target = await fill.to.catalog.list(signal);
  const held = new Set(target.entries.map(({ name }) => name));
  const missing = source.entries.filter(({ name, good, suspect }) => good && !suspect && !held.has(name));
  const uuid = missing.length > 0 ? (await fill.to.catalog.identity(signal))?.uuid : undefined;
  const filled: Manifest[] = [];
  for (const { manifest } of wantedBy(fill, { held: target.entries, missing })) {
    if (filled.length === AT_ONCE) break;
    const own = { ...manifest, clusterUuid: uuid ?? manifest.clusterUuid };
    const copied = await copyUnlessDamaged(context, { ...fill, manifest: own }, signal);
    if (copied) filled.push(copied);
  }
  return filled;
}

async function copyUnlessDamaged(
  context: BackupContext,
  fill: BackFill & { readonly manifest: Manifest },
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  try {
    return await copyOver(context, fill, signal);
  } catch (error) {
    if (!isBackupError(error, "SNAPSHOT_CORRUPT")) throw error;
    const { name } = fill.manifest;
    context.telemetry.warning("Damaged snapshot is not copied", {
      snapshot: name,
      store: fill.from.store.url(""),
      err: error,
    });
    return undefined;
  }
}

/** Those that a plan would keep if they were there already. */
function wantedBy(
  { to, retention }: BackFill,
  { held, missing }: { readonly held: readonly CatalogEntry[]; readonly missing: readonly CatalogEntry[] },
): CatalogEntry[] {
  const plan = planRetention([...held, ...missing].map(toCandidate), retention, to.store.now());
  const kept = new Set(plan.filter(({ action }) => action === "keep").map(({ name }) => name));
  return missing.filter(({ name }) => kept.has(name));
}

async function copyOver(
  context: BackupContext,
  { from, to, manifest }: BackFill & { readonly manifest: Manifest },
  signal: AbortSignal,
): Promise<Manifest> {
  const { name, encoding, clusterUuid, node, tick, suspect } = manifest;
  const metadata = { uuid: clusterUuid, node, tick, run: name };
  const plan = { destination: to, name, encoding, expectedSize: manifest.storedSize, metadata };
  const upload = await beginUpload(context, plan, signal);
  await using begun = new AsyncDisposableStack();
  begun.defer(() => abandonUpload(context, upload));
  upload.writer.expect(manifest.storedSize);
  await copyStored({ store: from.store, cluster: context.cluster, manifest }, upload.writer, signal);
  // It keeps the moment when it was first stored: that is its place in history.
  const describe = (object: WrittenObject): Manifest => ({
    ...manifest,
    ...describeStored(object, to.store),
    storedAt: manifest.storedAt,
  });
  const copied = await sealUpload(context, { upload, describe }, signal);
  if (suspect.length > 0) await copyAcceptance(context, { from, to, name }, signal);
  return copied;
}

/** What a person has accepted in one store must not freeze the other. */
async function copyAcceptance(
  { cluster }: BackupContext,
  { from, to, name }: Pick<BackFill, "from" | "to"> & { readonly name: SnapshotName },
  signal: AbortSignal,
): Promise<void> {
  const key = layout.accepted(cluster, name);
  const record = await from.store.get(key, signal);
  if (record) await to.store.replace(key, record, signal);
}
