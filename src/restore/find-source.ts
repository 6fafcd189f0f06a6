import type { CatalogEntry } from "../backup/catalog.ts";
import { type Destination, failuresOf, onEach, valuesOf } from "../backup/destination.ts";
import { findSnapshot } from "../backup/find-snapshot.ts";
import { BackupError, isBackupError } from "../errors.ts";
import { type Choice, chooseSnapshot, type Wish } from "../model/choose-snapshot.ts";
import { layout, type ObjectKey } from "../model/layout.ts";
import { decodeManifest, type Manifest } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import { nameOfFile, type SnapshotUrl } from "../model/snapshot-url.ts";
import { formatInstant } from "../model/time.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { RestoreSource } from "./source.ts";

/** The snapshot of a name, in the first store that has it. */
export async function findNamed(
  stores: readonly ObjectStore[],
  wanted: { readonly cluster: string; readonly name: SnapshotName },
  signal: AbortSignal,
): Promise<RestoreSource> {
  const snapshot = await findSnapshot(stores, wanted, signal);
  return { kind: "stored", snapshot, suspect: await suspicionOf(snapshot, signal) };
}

/** A snapshot as one destination holds it. */
export interface Found extends CatalogEntry {
  readonly destination: Destination;
}

export interface FoundByWish extends Choice<Found> {
  readonly source: RestoreSource;
  /** Stores that could not be asked, which may have a better one. */
  readonly failures: readonly { readonly destination: Destination; readonly error: unknown }[];
}

/** The newest good snapshot of all stores, or the newest that is not later than a moment. */
export async function findByWish(
  destinations: readonly Destination[],
  { wish, force }: { readonly wish: Wish; readonly force: boolean },
  signal: AbortSignal,
): Promise<FoundByWish> {
  const listed = await onEach(
    destinations.map((destination) => ({ destination })),
    async ({ destination }) =>
      (await destination.catalog.list(signal)).entries.map((entry) => ({ ...entry, destination })),
  );
  signal.throwIfAborted();
  const failures = failuresOf(listed);
  if (failures.length === destinations.length) for (const { error } of failures) throw error;
  const now = Math.max(...destinations.map(({ store }) => store.now()));
  const choice = chooseSnapshot(valuesOf(listed).flat(), { wish, now, force });
  const { chosen } = choice;
  if (!chosen) throw noneFits(wish, choice.passedOver[0]);
  const { store, catalog } = chosen.destination;
  const snapshot = { store, cluster: catalog.cluster, manifest: chosen.manifest };
  const suspect = chosen.suspect ? chosen.manifest.suspect : [];
  return { ...choice, source: { kind: "stored", snapshot, suspect }, failures };
}

/** The object of a URL: with its manifest if there is one that speaks of it. */
export async function findByUrl(store: ObjectStore, url: SnapshotUrl, signal: AbortSignal): Promise<RestoreSource> {
  const { name, encoding } = nameOfFile(url.file);
  const manifest = url.cluster === undefined ? undefined : await manifestOf(store, { ...url, name }, signal);
  if (manifest && url.cluster !== undefined) {
    const snapshot = { store, cluster: url.cluster, manifest };
    return { kind: "stored", snapshot, suspect: await suspicionOf(snapshot, signal) };
  }
  const found = await store.head(url.key, signal);
  if (!found) {
    throw new BackupError("SNAPSHOT_NOT_FOUND", `Cannot restore "${store.url(url.key)}": there is no such object`, {
      hint: "Check the URL: `aws s3 ls` shows what is in the bucket",
    });
  }
  return { kind: "object", store, key: url.key, object: { name: url.file, sizeBytes: found.size, encoding } };
}

/** One that cannot be read, or may not be, is none: the snapshot then stands by its own digest. */
async function manifestOf(
  store: ObjectStore,
  { cluster = "", name, key }: Pick<SnapshotUrl, "cluster" | "key"> & { readonly name: SnapshotName },
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  const body = await getIfAllowed(store, layout.manifest(cluster, name), signal);
  const decoded = body && decodeManifest(body);
  if (decoded?.state !== "readable") return undefined;
  const { manifest } = decoded;
  return layout.snapshot(cluster, manifest.name, manifest.encoding) === key ? manifest : undefined;
}

/** Why the snapshot is suspect, unless somebody has accepted it. */
async function suspicionOf(
  { store, cluster, manifest }: { readonly store: ObjectStore; readonly cluster: string; readonly manifest: Manifest },
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (manifest.suspect.length === 0) return [];
  const accepted = await getIfAllowed(store, layout.accepted(cluster, manifest.name), signal);
  return accepted ? [] : manifest.suspect;
}

/** S3 answers 403 instead of 404 to whoever may get objects but not list them: GetObject, "Permissions". */
async function getIfAllowed(store: ObjectStore, key: ObjectKey, signal: AbortSignal): Promise<Uint8Array | undefined> {
  try {
    return await store.get(key, signal);
  } catch (error) {
    if (isBackupError(error, "STORE_REFUSED")) return undefined;
    throw error;
  }
}

function noneFits(wish: Wish, first: Choice<Found>["passedOver"][number] | undefined): BackupError {
  const what = wish.kind === "time" ? `a snapshot from before ${formatInstant(wish.time)}` : "a snapshot";
  const why = first ? `of "${first.candidate.name}", ${first.why}` : "there is none";
  return new BackupError("SNAPSHOT_NOT_FOUND", `Cannot find ${what} to restore: ${why}`, {
    hint: first?.candidate.suspect
      ? "Look at it with `etcd-ark list`; if history is right, `etcd-ark accept` it, or add --force"
      : "`etcd-ark list` shows what there is",
  });
}
