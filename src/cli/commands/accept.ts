import { acceptSnapshots } from "../../backup/accept.ts";
import type { SnapshotName } from "../../model/snapshot-name.ts";
import { printResult } from "../print-result.ts";
import type { Session } from "../session.ts";

/** `accept [NAME…]`: the suspect snapshots are right after all; pruning goes on. */
export async function accept({ app, terminal, format }: Session, names: readonly SnapshotName[]): Promise<void> {
  const rows = await acceptSnapshots(app.context, names, terminal.signal);
  const text = (): string =>
    rows.map(({ name, store }) => `accepted ${name} in ${store}\n`).join("") || "No snapshot is suspect\n";
  printResult(terminal, { format, data: rows, text });
}
