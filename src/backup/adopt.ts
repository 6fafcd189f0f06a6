import { adoptCluster, currentTimeline, newIdentity } from "../model/identity.ts";
import { layout } from "../model/layout.ts";
import { encodeJson, knownClusterId } from "../model/manifest.ts";
import type { BackupContext } from "./context.ts";
import type { Destination } from "./destination.ts";

export interface Adoption {
  readonly uuid: string;
  readonly clusterId: string;
  readonly timeline: string;
  /** False when the folder was this cluster's already. */
  readonly changed: boolean;
}

/**
 * Makes a folder this etcd cluster's from now on: its id is recorded as a new timeline, and this node
 * forgets any other folder that it wrote to under this name. Nothing that is stored is touched. This is the
 * one write over `cluster.json`, which a person has asked for.
 */
export async function adoptFolder(
  context: BackupContext,
  destination: Destination,
  signal: AbortSignal,
): Promise<Adoption> {
  const { store, catalog } = destination;
  const { member } = await context.source.choose(new Set(), signal);
  const { clusterId } = member;
  const at = context.clock.now();
  const identity = await catalog.identity(signal);
  const before = await catalog.newest(signal);
  const uuid = before?.clusterUuid ?? context.newUuid();
  const base =
    identity ?? newIdentity({ cluster: context.cluster, uuid, clusterId: knownClusterId(before) ?? clusterId, at });
  const own = currentTimeline(base).clusterId === clusterId;
  const next = own ? base : adoptCluster(base, clusterId, { at, highest: Number(before?.timeline ?? 0) });
  const changed = next !== identity;
  if (changed) await store.replace(layout.identity(context.cluster), encodeJson(next), signal);
  await context.state.remember({ store: store.id, cluster: context.cluster, uuid: next.uuid });
  return { uuid: next.uuid, clusterId, timeline: currentTimeline(next).id, changed };
}
