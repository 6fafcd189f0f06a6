import type { BackupContext } from "../backup/context.ts";
import { describeStored } from "../backup/describe-snapshot.ts";
import { type ClusterIdentity, currentTimeline } from "../model/identity.ts";
import { FORMAT_VERSION, type Manifest, TRAILER_BYTES } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import { formatInstant, parseInstant } from "../model/time.ts";
import type { ObjectStore, WrittenObject } from "../ports/object-store.ts";
import type { Examined } from "./examine.ts";

/**
 * The timeline of snapshots whose history nobody knows any more. Retention rules each timeline by itself, so they neither
 * push others out nor are pushed out.
 */
const UNKNOWN_TIMELINE = "0";

export interface RebuiltFacts {
  readonly name: SnapshotName;
  readonly kind: Manifest["kind"];
  readonly identity: ClusterIdentity;
  readonly examined: Examined;
  readonly encoding: readonly string[];
  readonly store: ObjectStore;
  readonly object: WrittenObject;
}

/**
 * The manifest of a snapshot of which only the bytes are left: what they tell, what the object's metadata and the store
 * tell, and of the rest that it is not known. `rebuilt` tells it from others.
 */
export function composeManifest(context: BackupContext, facts: RebuiltFacts): Manifest {
  const { name, kind, identity, examined, store, object } = facts;
  const { inspection, snapshotSize, sha256, storedSha256 } = examined;
  const revision = String(inspection?.revision ?? 0n);
  const dbSize = snapshotSize - TRAILER_BYTES;
  const { node = context.node, tick = "" } = object.metadata ?? {};
  const taken = formatInstant(parseInstant(tick) ?? object.storedAt);
  return {
    formatVersion: FORMAT_VERSION,
    minReader: FORMAT_VERSION,
    name,
    cluster: context.cluster,
    clusterUuid: identity.uuid,
    clusterId: currentTimeline(identity).clusterId,
    memberId: "0",
    memberName: "",
    node,
    kind,
    tick: taken,
    timeline: UNKNOWN_TIMELINE,
    etcdVersion: "",
    storageVersion: inspection?.status.version ?? "",
    distribution: "",
    startedAt: taken,
    // No later than this: it holds nothing that was written afterwards.
    finishedAt: formatInstant(object.storedAt),
    revision,
    linearized: false,
    dbSize,
    snapshotSize,
    sha256,
    storedSha256,
    encoding: [...facts.encoding],
    ...describeStored(object, store),
    suspect: [],
    writer: context.writer,
    liveKeys: inspection?.liveKeys ?? 0,
    liveKeysRevision: revision,
    dbSizeInUse: dbSize,
    rebuilt: true,
  };
}
