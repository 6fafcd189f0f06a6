import type { BackupContext } from "../backup/context.ts";
import type { Destination } from "../backup/destination.ts";
import { claimFolder } from "../backup/identity.ts";
import type { ClusterIdentity } from "../model/identity.ts";
import { layout, nameOfRecord, type ObjectKey } from "../model/layout.ts";
import { encodeManifest } from "../model/manifest.ts";
import { nameOfFile } from "../model/snapshot-url.ts";
import type { StoredObject } from "../ports/object-store.ts";
import type { VerifyContext } from "../verify/context.ts";
import { composeManifest } from "./compose-manifest.ts";
import { examine } from "./examine.ts";
import { fileOf, type RebuildLine } from "./line.ts";

/** Another node may be about to write the manifest of what is younger. */
const SETTLED_MS = 3_600_000;

/** What to rebuild with. */
export interface RebuildContext {
  readonly backup: BackupContext;
  readonly verify: VerifyContext;
}

export interface RebuildOptions {
  readonly destination: Destination;
  /** Only says what it would do. */
  readonly dryRun: boolean;
  /** Takes what is younger than an hour as well. */
  readonly force: boolean;
}

/**
 * Makes the manifests anew that a folder has lost: of each object below `snapshots/` without one that would restore. What
 * is there is never written over, and nothing is deleted.
 */
export async function* rebuildManifests(
  context: RebuildContext,
  options: RebuildOptions,
  signal: AbortSignal,
): AsyncGenerator<RebuildLine> {
  const { store, catalog } = options.destination;
  const { cluster } = context.backup;
  const known = await namesBelow(options.destination, layout.manifests(cluster), signal);
  const underWay = await namesBelow(options.destination, layout.intents(cluster), signal);
  let identity = await catalog.identity(signal);
  for (const listed of await Array.fromAsync(store.list(layout.snapshots(cluster), signal))) {
    const { name } = nameOfFile(fileOf(listed.key));
    if (known.has(name)) continue;
    const from = store.url(listed.key);
    const found = (await store.head(listed.key, signal)) ?? listed;
    const uuid = found.metadata?.["uuid"];
    const objection = objectTo(found, { isUnderWay: underWay.has(name), identity, options });
    if (objection !== undefined) yield { from, outcome: "left out", why: objection };
    else {
      if (!options.dryRun) identity ??= await sign(context.backup, { destination: options.destination, uuid }, signal);
      yield { from, ...(await rebuildOne(context, { ...options, identity, found }, signal)) };
    }
  }
}

async function namesBelow({ store }: Destination, prefix: ObjectKey, signal: AbortSignal): Promise<Set<string>> {
  const objects = await Array.fromAsync(store.list(prefix, signal));
  return new Set(objects.flatMap(({ key }) => nameOfRecord(key) ?? []));
}

interface Circumstances {
  readonly isUnderWay: boolean;
  readonly identity: ClusterIdentity | undefined;
  readonly options: RebuildOptions;
}

/** Why an object is not even looked at. */
function objectTo(found: StoredObject, { isUnderWay, identity, options }: Circumstances): string | undefined {
  const uuid = found.metadata?.["uuid"];
  if (isUnderWay) return "a run that is under way, or was killed, speaks of it";
  if (identity && uuid !== undefined && uuid !== identity.uuid) return `it is of another cluster, ${uuid}`;
  const age = options.destination.store.now() - found.storedAt;
  return age < SETTLED_MS && !options.force ? "it is younger than an hour; --force takes it" : undefined;
}

/** A folder that has lost its identity is signed again as the cluster that wrote its objects. */
async function sign(
  context: BackupContext,
  { destination, uuid }: { readonly destination: Destination; readonly uuid: string | undefined },
  signal: AbortSignal,
): Promise<ClusterIdentity> {
  const { clusterId } = (await context.source.choose(new Set(), signal)).member;
  const folder = { destination, identity: undefined, before: undefined };
  return await claimFolder(context, { folder, clusterId, uuid: uuid ?? context.newUuid() }, signal);
}

interface OneRebuild extends RebuildOptions {
  readonly identity: ClusterIdentity | undefined;
  readonly found: StoredObject;
}

async function rebuildOne(
  { backup, verify }: RebuildContext,
  { destination, dryRun, identity, found }: OneRebuild,
  signal: AbortSignal,
): Promise<Omit<RebuildLine, "from">> {
  const { store } = destination;
  const { name, encoding } = nameOfFile(fileOf(found.key));
  const examined = await examine(verify, { store, key: found.key, size: found.size, encoding }, signal);
  const [finding] = examined.findings;
  if (finding) return { outcome: "left out", why: finding.message, corrupt: true };
  if (identity && !dryRun) {
    const kind = name.startsWith("ark-manual") ? "on-demand" : "scheduled";
    const facts = { name, kind, identity, examined, encoding, store, object: { ...found, parts: 1 } } as const;
    await store.create(layout.manifest(backup.cluster, name), encodeManifest(composeManifest(backup, facts)), signal);
  }
  return { outcome: "rebuilt", name };
}
