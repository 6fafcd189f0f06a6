import { deleteSnapshots } from "../../backup/delete-snapshots.ts";
import { BackupError } from "../../errors.ts";
import type { SnapshotName } from "../../model/snapshot-name.ts";
import { printResult } from "../print-result.ts";
import type { Session } from "../session.ts";
import { keptBytes, reportLeft } from "./prune.ts";

/** `delete NAME…`: from every store that holds them. */
export async function deleteByName(session: Session, names: readonly SnapshotName[]): Promise<void> {
  const { app, terminal, format } = session;
  const { context, lock, lockNames } = app;
  await using _lock = await lock.acquire(lockNames.run, 0, terminal.signal);
  const found = await Promise.all(
    context.destinations.map(async (destination) => {
      const { entries } = await destination.catalog.list(terminal.signal);
      return {
        destination,
        manifests: entries.filter(({ name }) => names.includes(name)).map(({ manifest }) => manifest),
      };
    }),
  );
  refuseUnknown(
    names,
    found.flatMap(({ manifests }) => manifests.map(({ name }) => name)),
  );
  const rows: { name: SnapshotName; store: string; hidden: boolean }[] = [];
  const left: Record<string, string> = {};
  for (const each of found) {
    const deletion = await deleteSnapshots(context, each, terminal.signal);
    const store = each.destination.store.url("");
    rows.push(...deletion.deleted.map((name) => ({ name, store, hidden: false })));
    rows.push(...deletion.hidden.map((name) => ({ name, store, hidden: true })));
    if (deletion.hidden.length > 0) terminal.stderr.write(`warning: ${keptBytes(store)}\n`);
    Object.assign(left, deletion.left);
  }
  const text = (): string => rows.map(({ name, store }) => `deleted ${name} from ${store}\n`).join("");
  printResult(terminal, { format, data: rows, text });
  reportLeft(left);
}

function refuseUnknown(names: readonly SnapshotName[], found: readonly SnapshotName[]): void {
  const unknown = names.filter((name) => !found.includes(name));
  if (unknown.length === 0) return;
  throw new BackupError(
    "SNAPSHOT_NOT_FOUND",
    `Cannot delete snapshot "${unknown.join('", "')}": there is none of that name`,
    {
      hint: "Nothing was deleted; `etcd-ark list` shows the names",
    },
  );
}
