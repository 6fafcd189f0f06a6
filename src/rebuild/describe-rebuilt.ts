import { describeStored } from "../backup/describe-snapshot.ts";
import type { ClusterIdentity } from "../model/identity.ts";
import { takenAtOfImport } from "../model/k3s-file.ts";
import { FORMAT_VERSION, type Manifest, TRAILER_BYTES, UNKNOWN_ID } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import { formatInstant, type Instant, parseInstant } from "../model/time.ts";
import type { ObjectStore, StoredObject, WrittenObject } from "../ports/object-store.ts";
import type { Examined } from "./examine.ts";

/**
 * Of snapshots whose place in history nobody knows any more. No identity and no backup uses it, so that pruning never
 * counts them together with others.
 */
const OWN_TIMELINE = "0";

export interface RebuiltSnapshot {
  readonly identity: ClusterIdentity;
  readonly name: SnapshotName;
  readonly writer: string;
  readonly store: ObjectStore;
  readonly examined: Examined;
  readonly object: StoredObject;
}

interface LostSnapshot extends RebuiltSnapshot {
  /** What another store says of the same bytes. */
  readonly twin: Manifest | undefined;
}

/**
 * Composes the manifest of an object that has lost its own, from its bytes, its metadata and what the store says of it. An
 * import keeps the moment that its name tells, or it would be the newest of all. What another store still says is better.
 */
export function describeRebuilt(snapshot: LostSnapshot): Manifest {
  const { identity, name, store, object, examined, twin } = snapshot;
  const stored = { ...object, parts: partsOf(object) };
  if (twin) return { ...twin, clusterUuid: identity.uuid, ...describeStored(stored, store), storedAt: twin.storedAt };
  const takenAt = takenAtOfImport(name);
  const { node = "", tick = "" } = object.metadata ?? {};
  const { storedSize, storedSha256, encoding } = examined.object.manifest;
  return {
    ...describeBytes(snapshot, takenAt ?? object.storedAt),
    kind: kindOf(name),
    clusterId: takenAt === undefined ? clusterIdAt(identity, object.storedAt) : UNKNOWN_ID,
    node,
    distribution: takenAt === undefined ? "" : "k3s",
    ...(parseInstant(tick) !== undefined && { tick }),
    ...describeStored(stored, store),
    storedAt: formatInstant(takenAt ?? object.storedAt),
    storedSize,
    storedSha256,
    encoding,
  };
}

export interface ImportedSnapshot extends RebuiltSnapshot {
  readonly object: WrittenObject;
  /** As it is stored here. */
  readonly encoding: string[];
  readonly storedSha256: string;
  readonly node: string;
  readonly takenAt: Instant;
  /** URL of the object that was copied. */
  readonly from: string;
}

/** Composes the manifest of a copy of a snapshot that k3s took. */
export function describeImported(snapshot: ImportedSnapshot): Manifest {
  const { object, store, encoding, storedSha256, node, takenAt, from } = snapshot;
  return {
    ...describeBytes(snapshot, takenAt),
    kind: "on-demand",
    clusterId: UNKNOWN_ID,
    node,
    distribution: "k3s",
    encoding,
    storedSha256,
    ...describeStored(object, store),
    // Its place among the others is that of the moment when it was taken: else an old one would be the newest of all.
    storedAt: formatInstant(takenAt),
    importedFrom: from,
  };
}

/** What the bytes tell, and for what nobody knows any more the values that say so. */
function describeBytes({ identity, name, writer, examined }: RebuiltSnapshot, at: Instant) {
  const { snapshotSize, sha256 } = examined.object.manifest;
  const { revision, liveKeys, status } = examined.inspection;
  const dbSize = snapshotSize - TRAILER_BYTES;
  const moment = formatInstant(at);
  return {
    formatVersion: FORMAT_VERSION,
    minReader: FORMAT_VERSION,
    name,
    cluster: identity.cluster,
    clusterUuid: identity.uuid,
    memberId: UNKNOWN_ID,
    memberName: "",
    tick: moment,
    timeline: OWN_TIMELINE,
    etcdVersion: "",
    storageVersion: status.version,
    startedAt: moment,
    finishedAt: moment,
    revision: String(revision),
    linearized: false,
    dbSize,
    snapshotSize,
    sha256,
    suspect: [],
    writer,
    liveKeys,
    liveKeysRevision: String(revision),
    dbSizeInUse: dbSize,
    rebuilt: true as const,
  };
}

/** Only those of the schedule are named so; all others are safe from its retention. */
function kindOf(name: SnapshotName): Manifest["kind"] {
  return name.startsWith("ark-") && !name.startsWith("ark-manual-") ? "scheduled" : "on-demand";
}

/** Who was the folder's owner then. */
function clusterIdAt({ timelines }: ClusterIdentity, at: Instant): string {
  const owner = timelines.findLast(({ since }) => (parseInstant(since) ?? 0) <= at) ?? timelines[0];
  return owner?.clusterId ?? UNKNOWN_ID;
}

/** S3 shows in the ETag in how many parts an object came, as in `"…-12"`. */
function partsOf({ etag = "" }: StoredObject): number {
  return Number(/-(\d+)"?$/.exec(etag)?.[1] ?? 1);
}
