import { createHash } from "node:crypto";
import type { BackupContext } from "../backup/context.ts";
import type { Destination } from "../backup/destination.ts";
import { createEncoder } from "../backup/encoder.ts";
import { claimFolder } from "../backup/identity.ts";
import { abandonUpload, beginUpload, sealUpload } from "../backup/upload.ts";
import { BackupError } from "../errors.ts";
import { encodingOf } from "../model/compression.ts";
import type { ClusterIdentity } from "../model/identity.ts";
import { layout } from "../model/layout.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import { compactInstant, formatInstant, type Instant } from "../model/time.ts";
import type { ObjectStore, StoredObject, WrittenObject } from "../ports/object-store.ts";
import { composeManifest } from "./compose-manifest.ts";
import { type Examined, examine } from "./examine.ts";
import { fileOf, type RebuildLine } from "./line.ts";
import type { RebuildContext, RebuildOptions } from "./rebuild-manifests.ts";

export interface ImportOptions extends RebuildOptions {
  /** k3s's own folder: its `etcd-s3-folder`, or its directory of snapshots. */
  readonly from: ObjectStore;
}

/**
 * Copies k3s's own snapshots that would restore into the folder, and gives them manifests; of their names nothing is
 * guessed but the time at their end. A second run finds them there. k3s's folder is only read.
 */
export async function* importSnapshots(
  context: RebuildContext,
  options: ImportOptions,
  signal: AbortSignal,
): AsyncGenerator<RebuildLine> {
  let identity: Promise<ClusterIdentity> | undefined;
  const claim = (): Promise<ClusterIdentity> => {
    identity ??= claimFor(context.backup, options.destination, signal);
    return identity;
  };
  for (const found of await Array.fromAsync(options.from.list("", signal))) {
    // k3s keeps what it knows besides in a folder of its own.
    if (!found.key.includes("/")) yield await importOne(context, { ...options, found, claim }, signal);
  }
}

interface OneImport extends ImportOptions {
  readonly found: StoredObject;
  /** Makes sure that the folder is this cluster's, once something is to be written. */
  readonly claim: () => Promise<ClusterIdentity>;
}

async function importOne(context: RebuildContext, one: OneImport, signal: AbortSignal): Promise<RebuildLine> {
  const { from: store, destination, found, claim } = one;
  const from = store.url(found.key);
  const why = objectTo(found);
  if (why !== undefined) return { from, outcome: "left out", why };
  const name = nameFor(found);
  const manifest = layout.manifest(context.backup.cluster, name);
  if (await destination.store.head(manifest, signal)) return { from, outcome: "there already", name };
  const examined = await examine(context.verify, { store, key: found.key, size: found.size, encoding: [] }, signal);
  const [finding] = examined.findings;
  if (finding) return { from, outcome: "left out", why: finding.message, corrupt: true };
  if (!one.dryRun) await copy(context, { ...one, name, examined, identity: await claim() }, signal);
  return { from, outcome: "imported", name };
}

async function claimFor(
  context: BackupContext,
  destination: Destination,
  signal: AbortSignal,
): Promise<ClusterIdentity> {
  const { member } = await context.source.choose(new Set(), signal);
  const folder = {
    destination,
    identity: await destination.catalog.identity(signal),
    before: await destination.catalog.newest(signal),
  };
  return await claimFolder(context, { folder, clusterId: member.clusterId, uuid: context.newUuid() }, signal);
}

function objectTo({ key, size }: StoredObject): string | undefined {
  if (size === 0) return "it is empty";
  return key.endsWith(".zip") ? "k3s has compressed it: unpack it with `unzip` and put the raw file there" : undefined;
}

/** Always the same for the same object, and none that k3s would prune. */
function nameFor(found: StoredObject): SnapshotName {
  const { stem, at } = partsOf(found);
  const digest = createHash("sha256").update(found.key).digest();
  const letters = [...digest.subarray(0, 4)].map((byte) => String.fromCharCode(97 + (byte % 26))).join("");
  return `k3s-${stem.replace(/[^A-Za-z0-9._-]+/g, "-")}-${compactInstant(at)}-${letters}`;
}

/** `<name>-<node>-<unix seconds>`; without the time at its end, the store's own. */
function partsOf({ key, storedAt }: StoredObject): { readonly stem: string; readonly at: Instant } {
  const [, stem = fileOf(key), seconds] = /^(.*)-(\d{9,10})$/.exec(fileOf(key)) ?? [];
  return { stem, at: seconds === undefined ? storedAt : Number(seconds) * 1000 };
}

interface Copy extends ImportOptions {
  readonly found: StoredObject;
  readonly name: SnapshotName;
  readonly examined: Examined;
  readonly identity: ClusterIdentity;
}

/** In the order of a backup: intent, object, manifest. */
async function copy({ backup }: RebuildContext, each: Copy, signal: AbortSignal): Promise<void> {
  const { from, destination, found, name, examined, identity } = each;
  const encoding = encodingOf(backup.compression);
  const tick = formatInstant(partsOf(found).at);
  const metadata = { uuid: identity.uuid, node: backup.node, tick, run: name };
  const plan = { destination, name, encoding, expectedSize: found.size, metadata };
  const upload = await beginUpload(backup, plan, signal);
  await using begun = new AsyncDisposableStack();
  begun.defer(() => abandonUpload(backup, upload));
  const encoder = createEncoder(backup.compression, (chunk) => upload.writer.write(chunk));
  const hash = createHash("sha256");
  for await (const chunk of from.read(found.key, undefined, signal)) {
    hash.update(chunk);
    await encoder.write(chunk);
  }
  if (hash.digest("hex") !== examined.storedSha256) throw replaced(from.url(found.key));
  const storedSha256 = await encoder.finish(examined.storedSha256);
  const describe = (object: WrittenObject) => {
    const facts = { name, kind: "on-demand", identity, encoding, store: destination.store } as const;
    return composeManifest(backup, {
      ...facts,
      examined: { ...examined, storedSha256 },
      object: { ...object, metadata },
    });
  };
  await sealUpload(backup, { upload, describe }, signal);
}

function replaced(url: string): BackupError {
  return new BackupError("STORE_CONFLICT", `Cannot import "${url}": it was replaced meanwhile`, {
    hint: "Run it again, and find out who writes to this folder",
  });
}
