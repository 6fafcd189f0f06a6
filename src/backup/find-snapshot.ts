import { BackupError } from "../errors.ts";
import { layout } from "../model/layout.ts";
import { decodeManifest } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { StoredSnapshot } from "./copy-snapshot.ts";

/**
 * Finds a snapshot by name in the first store that has it. A store that fails is passed over for the next;
 * its error is the outcome only if none has the snapshot.
 */
export async function findSnapshot(
  stores: readonly ObjectStore[],
  { cluster, name }: { readonly cluster: string; readonly name: SnapshotName },
  signal: AbortSignal,
): Promise<StoredSnapshot> {
  let failure: unknown;
  for (const store of stores) {
    try {
      const body = await store.get(layout.manifest(cluster, name), signal);
      const decoded = body && decodeManifest(body);
      if (decoded?.state === "readable") return { store, cluster, manifest: decoded.manifest };
      if (decoded) failure ??= unreadable(store.url(layout.manifest(cluster, name)), decoded);
    } catch (error) {
      signal.throwIfAborted();
      failure ??= error;
    }
  }
  throw failure ?? notFound(name, stores);
}

function unreadable(url: string, decoded: { state: "newer" } | { state: "broken"; why: string }): BackupError {
  const why = decoded.state === "broken" ? decoded.why : "a newer etcd-ark wrote it";
  return new BackupError("SNAPSHOT_CORRUPT", `Cannot read manifest "${url}": ${why}`, {
    hint:
      decoded.state === "newer"
        ? "Upgrade etcd-ark"
        : "The snapshot beside it may still be whole: compare its digest with `etcdutl snapshot status`",
  });
}

function notFound(name: SnapshotName, stores: readonly ObjectStore[]): BackupError {
  const places = stores.map((store) => `"${store.url("")}"`).join(" and ");
  return new BackupError("SNAPSHOT_NOT_FOUND", `Cannot find snapshot "${name}" in ${places}`, {
    hint: "`etcd-ark list` shows the names",
  });
}
