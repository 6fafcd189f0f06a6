import { BackupError } from "../errors.ts";
import { encodingOf } from "../model/compression.ts";
import { type ClusterIdentity, currentTimeline, newIdentity } from "../model/identity.ts";
import { layout } from "../model/layout.ts";
import { encodeJson, knownClusterId, type Manifest } from "../model/manifest.ts";
import { runbook } from "../model/runbook.ts";
import type { BackupContext } from "./context.ts";
import type { Destination } from "./destination.ts";

/** What a destination was found to hold before a backup. */
export interface Folder {
  readonly destination: Destination;
  readonly identity: ClusterIdentity | undefined;
  readonly before: Manifest | undefined;
}

export interface Claim {
  readonly folder: Folder;
  readonly clusterId: string;
  /** The cluster's, if another folder has it: both are to have the same. */
  readonly uuid: string;
}

/**
 * Makes sure that this etcd cluster may write to the folder, and signs a new folder with its identity.
 * Rejects with `IDENTITY_MISMATCH` when another cluster's backups are there, or when this machine
 * remembers to have written to another folder under the same name.
 */
export async function claimFolder(
  context: BackupContext,
  { folder, clusterId, uuid }: Claim,
  signal: AbortSignal,
): Promise<ClusterIdentity> {
  const { store } = folder.destination;
  const known = await context.state.recall(store.id, context.cluster);
  const identity = folder.identity ?? (await signFolder(context, { folder, clusterId, known: known ?? uuid }, signal));
  checkIdentity(identity, { clusterId, known, url: store.url(layout.identity(context.cluster)) });
  if (known === undefined)
    await context.state.remember({ store: store.id, cluster: context.cluster, uuid: identity.uuid });
  return identity;
}

/**
 * Makes sure that this etcd cluster may delete in the folder, without writing to it. Rejects with
 * `IDENTITY_MISMATCH` as `claimFolder` does, and with an `ETCD_…` when etcd does not say which cluster this is.
 */
export async function checkOwner(context: BackupContext, destination: Destination, signal: AbortSignal): Promise<void> {
  const { store, catalog } = destination;
  const { clusterId } = (await context.source.choose(new Set(), signal)).member;
  const known = await context.state.recall(store.id, context.cluster);
  const signed = await destination.catalog.identity(signal);
  const identity = signed ?? impliedIdentity(context, { before: await catalog.newest(signal), clusterId, known });
  checkIdentity(identity, { clusterId, known, url: store.url(layout.identity(context.cluster)) });
}

/** Refuses a folder that another cluster signed. */
function checkIdentity(
  identity: ClusterIdentity,
  { clusterId, known, url }: { readonly clusterId: string; readonly known: string | undefined; readonly url: string },
): void {
  refuseUnlessKnown(identity, { known, url });
  const timeline = currentTimeline(identity);
  if (timeline.clusterId !== clusterId) {
    throw mismatch(`"${url}" belongs to etcd cluster ${timeline.clusterId}, this one is ${clusterId}`);
  }
}

/** Refuses a folder that is not the one to which this node remembers to have written under the same name. */
export function refuseUnlessKnown(
  identity: ClusterIdentity,
  { known, url }: { readonly known: string | undefined; readonly url: string },
): void {
  if (known !== undefined && known !== identity.uuid) {
    throw mismatch(`"${url}" is signed ${identity.uuid}, this node remembers ${known}`);
  }
}

interface Unsigned {
  readonly before: Manifest | undefined;
  readonly clusterId: string;
  readonly known: string | undefined;
}

/** Whose a folder is that has no identity object. */
export function impliedIdentity(context: BackupContext, { before, clusterId, known }: Unsigned): ClusterIdentity {
  return newIdentity({
    cluster: context.cluster,
    // A folder whose identity object was lost keeps the identity that its manifests name.
    uuid: before?.clusterUuid ?? known ?? context.newUuid(),
    clusterId: knownClusterId(before) ?? clusterId,
    at: context.clock.now(),
  });
}

async function signFolder(
  context: BackupContext,
  { folder, clusterId, known }: { readonly folder: Folder } & Omit<Unsigned, "before">,
  signal: AbortSignal,
): Promise<ClusterIdentity> {
  const { destination, before } = folder;
  const identity = impliedIdentity(context, { before, clusterId, known });
  try {
    await destination.store.create(layout.identity(context.cluster), encodeJson(identity), signal);
    await leaveRunbook(context, destination, signal);
    return identity;
  } catch (error) {
    // Another node of this cluster may have signed it at the same moment.
    const theirs = await destination.catalog.identity(signal);
    if (theirs) return theirs;
    throw error;
  }
}

/** For whoever finds nothing but this folder. A folder without it is as good. */
async function leaveRunbook(context: BackupContext, { store }: Destination, signal: AbortSignal): Promise<void> {
  const { cluster, compression } = context;
  const suffix = layout.snapshot(cluster, "", encodingOf(compression)).slice(layout.snapshots(cluster).length);
  const text = runbook({ cluster, store: store.url(""), kind: store.kind, suffix });
  try {
    await store.replace(layout.runbook(cluster), new TextEncoder().encode(text), signal);
  } catch (error) {
    signal.throwIfAborted();
    context.telemetry.warning("Cannot leave a runbook in the folder", { store: store.url(""), err: error });
  }
}

function mismatch(detail: string): BackupError {
  return new BackupError("IDENTITY_MISMATCH", `Cannot write to this folder: ${detail}`, {
    hint: 'If this is the same cluster, rebuilt or restored, run `etcd-ark adopt`; if it is another one, give it its own "cluster" name',
  });
}
