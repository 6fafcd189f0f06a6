import { z } from "zod";
import { BackupError } from "../errors.ts";
import { FORMAT_VERSION, parseJson } from "./manifest.ts";
import { formatInstant, type Instant } from "./time.ts";

const Timeline = z.looseObject({
  id: z.string().regex(/^[1-9]\d*$/),
  clusterId: z.string(),
  since: z.string(),
  why: z.string(),
});

/**
 * `cluster.json`: whose folder this is. Written once, by the first backup, so that two clusters that
 * share a bucket and a name by mistake meet here; only `adopt` writes it again.
 */
export const ClusterIdentity = z.looseObject({
  formatVersion: z.number().int().positive(),
  minReader: z.number().int().positive(),
  cluster: z.string(),
  uuid: z.string(),
  createdAt: z.string(),
  /** The etcd cluster ids that wrote here, in order; the last one may write now. */
  timelines: z.array(Timeline).min(1),
});
export type ClusterIdentity = z.infer<typeof ClusterIdentity>;

export interface NewIdentity {
  readonly cluster: string;
  readonly uuid: string;
  readonly clusterId: string;
  readonly at: Instant;
}

export function newIdentity({ cluster, uuid, clusterId, at }: NewIdentity): ClusterIdentity {
  const since = formatInstant(at);
  return {
    formatVersion: FORMAT_VERSION,
    minReader: FORMAT_VERSION,
    cluster,
    uuid,
    createdAt: since,
    timelines: [{ id: "1", clusterId, since, why: "first backup" }],
  };
}

/** Decodes `cluster.json`. Rejects what cannot be trusted: writing on without it could mix two clusters. */
export function decodeIdentity(body: Uint8Array, url: string): ClusterIdentity {
  const parsed = ClusterIdentity.safeParse(parseJson(body));
  if (!parsed.success) {
    throw new BackupError("IDENTITY_MISMATCH", `Cannot read "${url}": it is not an identity object of etcd-ark`, {
      hint: "Choose another folder or cluster name, or restore the object from an older version of it",
      cause: parsed.error,
    });
  }
  if (parsed.data.minReader > FORMAT_VERSION) {
    throw new BackupError("IDENTITY_MISMATCH", `Cannot read "${url}": a newer etcd-ark wrote it`, {
      hint: "Upgrade etcd-ark on this node",
    });
  }
  return parsed.data;
}

/** The timeline under which snapshots are written now. */
export function currentTimeline(identity: ClusterIdentity): z.infer<typeof Timeline> {
  const last = identity.timelines.at(-1);
  if (last) return last;
  throw new BackupError("IDENTITY_MISMATCH", `Cannot use identity of cluster "${identity.cluster}": no timeline`);
}

/** The identity with a new timeline for `clusterId`, whose number is above all that were ever used. */
export function adoptCluster(
  identity: ClusterIdentity,
  clusterId: string,
  { at, highest }: { readonly at: Instant; readonly highest: number },
): ClusterIdentity {
  const id = String(Math.max(highest, ...identity.timelines.map((timeline) => Number(timeline.id))) + 1);
  const timeline = { id, clusterId, since: formatInstant(at), why: "adopted" };
  return { ...identity, timelines: [...identity.timelines, timeline] };
}
