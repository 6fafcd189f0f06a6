import type { Manifest } from "../model/manifest.ts";
import { planRetention, type RetentionPolicy } from "../model/retention.ts";
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

/**
 * Brings good snapshots that only `from` holds to `to`, oldest first: those that were taken while `to` could not
 * be reached. What the retention of `to` would not keep is left where it is, and so never comes back once pruned.
 */
export async function backFill(context: BackupContext, fill: BackFill, signal: AbortSignal): Promise<Manifest[]> {
  const source = await fill.from.catalog.list(signal);
  const target = await fill.to.catalog.list(signal);
  const held = new Set(target.entries.map(({ name }) => name));
  const missing = source.entries.filter(({ name, good, suspect }) => good && !suspect && !held.has(name));
  const filled: Manifest[] = [];
  for (const { manifest } of wantedBy(fill, { held: target.entries, missing })) {
    filled.push(await copyOver(context, { ...fill, manifest }, signal));
  }
  return filled;
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
  const { name, encoding, clusterUuid, node, tick } = manifest;
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
  return await sealUpload(context, { upload, describe }, signal);
}
