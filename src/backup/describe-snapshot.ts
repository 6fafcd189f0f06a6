import { encodingOf } from "../model/compression.ts";
import { type ClusterIdentity, currentTimeline } from "../model/identity.ts";
import { FORMAT_VERSION, type Manifest, type Revision, TRAILER_BYTES } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import { assessHistory } from "../model/suspicion.ts";
import { formatInstant, type Instant } from "../model/time.ts";
import type { ObjectStore, WrittenObject } from "../ports/object-store.ts";
import type { SnapshotOrigin } from "../ports/snapshot-source.ts";
import type { BackupContext } from "./context.ts";
import type { Folder } from "./identity.ts";
import type { CheckedStream } from "./stream-check.ts";

/** What is known of a snapshot once its stream was found whole. */
export interface TakenSnapshot extends CheckedStream {
  readonly origin: SnapshotOrigin;
  readonly kind: Manifest["kind"];
  readonly tick: Instant;
  readonly startedAt: Instant;
  readonly finishedAt: Instant;
  readonly snapshotSize: number;
  readonly liveKeys: number;
  /** The revision at which they were counted. */
  readonly liveKeysRevision: Revision;
  /** Of the bytes as stored. */
  readonly storedSha256: string;
}

export interface SnapshotFacts {
  readonly folder: Folder & { readonly identity: ClusterIdentity };
  readonly name: SnapshotName;
  readonly snapshot: TakenSnapshot;
  readonly object: WrittenObject;
}

/** Composes the manifest of a snapshot as one destination holds it. */
export function describeSnapshot(context: BackupContext, facts: SnapshotFacts): Manifest {
  const { folder, name, snapshot, object } = facts;
  const { member } = snapshot.origin;
  const encoding = encodingOf(context.compression);
  return {
    formatVersion: FORMAT_VERSION,
    minReader: FORMAT_VERSION,
    name,
    cluster: context.cluster,
    clusterUuid: folder.identity.uuid,
    clusterId: member.clusterId,
    memberId: member.memberId,
    memberName: member.memberName,
    node: context.node,
    kind: snapshot.kind,
    tick: formatInstant(snapshot.tick),
    etcdVersion: member.etcdVersion,
    storageVersion: snapshot.storageVersion,
    distribution: context.distribution,
    startedAt: formatInstant(snapshot.startedAt),
    finishedAt: formatInstant(snapshot.finishedAt),
    revision: String(snapshot.revision),
    linearized: snapshot.origin.linearized,
    dbSize: snapshot.snapshotSize - TRAILER_BYTES,
    snapshotSize: snapshot.snapshotSize,
    sha256: snapshot.sha256,
    storedSha256: snapshot.storedSha256,
    encoding,
    ...describeStored(object, folder.destination.store),
    ...placeInHistory(folder, snapshot),
    writer: context.writer,
    liveKeys: snapshot.liveKeys,
    liveKeysRevision: String(snapshot.liveKeysRevision),
    dbSizeInUse: member.dbSizeInUse,
  };
}

/** What the store said of the object, in the manifest's words. */
export function describeStored(object: WrittenObject, store: ObjectStore) {
  return {
    storedAt: formatInstant(object.storedAt),
    storedSize: object.size,
    key: store.fullKey(object.key),
    parts: object.parts,
    versionId: object.versionId ?? null,
    lock: object.lock ? { mode: object.lock.mode, until: formatInstant(object.lock.until) } : null,
  };
}

/** The timeline, and whether the snapshot fits onto what came before it there. */
function placeInHistory({ identity, before }: SnapshotFacts["folder"], { origin, revision, liveKeys }: TakenSnapshot) {
  const adopted = Number(currentTimeline(identity).id);
  const current = Math.max(adopted, Number(before?.timeline ?? 0));
  const previous = Number(before?.timeline) === current ? before : undefined;
  const { linearized, member } = origin;
  const { dbSizeInUse, alarms } = member;
  const { reasons, rewound } = assessHistory({ revision, linearized, liveKeys, dbSizeInUse, alarms }, previous);
  return { timeline: String(rewound ? current + 1 : current), suspect: [...reasons] };
}
