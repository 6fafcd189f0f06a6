import { BackupError } from "../errors.ts";
import { layout } from "../model/layout.ts";
import { encodeJson } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import { formatInstant } from "../model/time.ts";
import type { BackupContext } from "./context.ts";
import type { Destination } from "./destination.ts";

/**
 * Records that somebody has looked at the suspect snapshots and holds history to be right: pruning of their
 * timeline goes on. Without names, all of the store are accepted. Returns the names accepted now.
 */
export async function acceptSnapshots(
  context: BackupContext,
  { destination, names }: { readonly destination: Destination; readonly names: readonly SnapshotName[] },
  signal: AbortSignal,
): Promise<SnapshotName[]> {
  const { entries } = await destination.catalog.list(signal);
  const unknown = names.find((name) => !entries.some((entry) => entry.name === name));
  if (unknown !== undefined) {
    throw new BackupError(
      "SNAPSHOT_NOT_FOUND",
      `Cannot accept snapshot "${unknown}": "${destination.store.url("")}" has none of that name`,
      {
        hint: "`etcd-ark list` shows the names",
      },
    );
  }
  const accepted: SnapshotName[] = [];
  for (const { name, suspect, manifest } of entries) {
    if (!suspect || (names.length > 0 && !names.includes(name))) continue;
    const record = {
      name,
      reasons: manifest.suspect,
      node: context.node,
      acceptedAt: formatInstant(context.clock.now()),
    };
    await destination.store.replace(layout.accepted(context.cluster, name), encodeJson(record), signal);
    accepted.push(name);
  }
  return accepted;
}
