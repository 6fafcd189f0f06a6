import type { BackupContext } from "../backup/context.ts";
import type { Destination } from "../backup/destination.ts";
import { claimFolder, impliedIdentity, refuseUnlessKnown } from "../backup/identity.ts";
import { BackupError, isBackupError } from "../errors.ts";
import type { ClusterIdentity } from "../model/identity.ts";
import { layout } from "../model/layout.ts";
import { knownClusterId } from "../model/manifest.ts";
import type { RebuildOptions } from "./context.ts";

export interface FolderQuestion extends RebuildOptions {
  readonly destination: Destination;
  /** The uuids that its objects name. */
  readonly named: readonly string[];
  /** That of a folder about which nothing is known. */
  readonly fallback: string;
}

/**
 * Whose folder it is, without etcd as long as its identity object says so. One that has lost that object is signed again
 * with the uuid that its manifests and objects name; which etcd cluster may write to it then, is told by a manifest, by the
 * operator, or by etcd. Rejects with `IDENTITY_MISMATCH` when there are several answers.
 */
export async function whoseFolder(
  context: BackupContext,
  { destination, named, fallback, dryRun, clusterId: given }: FolderQuestion,
  signal: AbortSignal,
): Promise<ClusterIdentity> {
  const { store, catalog } = destination;
  const url = store.url(layout.identity(context.cluster));
  const known = await context.state.recall(store.id, context.cluster);
  const identity = await catalog.identity(signal);
  if (identity) {
    refuseUnlessKnown(identity, { known, url });
    return identity;
  }
  const before = await catalog.newest(signal);
  const uuid = onlyUuid([before?.clusterUuid, known, ...named], url) ?? fallback;
  const clusterId = given ?? knownClusterId(before) ?? (await askClusterId(context, url, signal));
  if (dryRun) return impliedIdentity(context, { before, clusterId, known: uuid });
  return await claimFolder(context, { folder: { destination, identity, before }, clusterId, uuid }, signal);
}

function onlyUuid(uuids: readonly (string | undefined)[], url: string): string | undefined {
  const [uuid, ...others] = new Set(uuids.filter((each) => each !== undefined));
  if (others.length === 0) return uuid;
  throw new BackupError(
    "IDENTITY_MISMATCH",
    `Cannot tell whose folder it is: "${url}" is lost, and its manifests, its objects and this node name ${[uuid, ...others].join(" and ")}`,
    {
      hint: "Restore the identity object from an older version of it, or move away what another cluster has stored there",
    },
  );
}

async function askClusterId({ source }: BackupContext, url: string, signal: AbortSignal): Promise<string> {
  try {
    return (await source.choose(new Set(), signal)).member.clusterId;
  } catch (cause) {
    if (!isBackupError(cause)) throw cause;
    throw new BackupError(cause.code, `Cannot sign "${url}" again: etcd does not say which cluster this is`, {
      hint: "Run it where etcd can be reached, or add --cluster-id=HEX, which etcd's log names as cluster-id",
      cause,
    });
  }
}
