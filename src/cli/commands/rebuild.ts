import { compileWell } from "../../app/compile-well.ts";
import { BackupError } from "../../errors.ts";
import { importSnapshots } from "../../rebuild/import-snapshots.ts";
import type { RebuildLine } from "../../rebuild/line.ts";
import { rebuildManifests } from "../../rebuild/rebuild-manifests.ts";
import { printResult } from "../print-result.ts";
import type { Session } from "../session.ts";

export interface RebuildFlags {
  /** A folder of the same bucket, or a local directory. */
  readonly from?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

/**
 * `rebuild`: manifests for what has lost them, or for k3s's own snapshots. Rejects with `SNAPSHOT_CORRUPT`, after all were
 * tried and said, when some would not restore.
 */
export async function rebuild({ app, terminal, format }: Session, flags: RebuildFlags): Promise<void> {
  compileWell();
  const { context: backup, verify, lock, lockNames } = app;
  await using _lock = await lock.acquire(lockNames.run, 0, terminal.signal);
  await using from = flags.from === undefined ? undefined : app.openFolder(flags.from);
  const lines: RebuildLine[] = [];
  for (const destination of backup.destinations) {
    const options = { destination, dryRun: flags.dryRun ?? false, force: flags.force ?? false };
    const context = { backup, verify };
    const done = from
      ? importSnapshots(context, { ...options, from }, terminal.signal)
      : rebuildManifests(context, options, terminal.signal);
    for await (const line of done) lines.push(line);
  }
  printResult(terminal, { format, data: lines, text: () => lines.map(describe).join("") });
  if (lines.length === 0) terminal.stderr.write("Every snapshot has its manifest\n");
  failIfCorrupt(lines);
}

function describe({ from, outcome, name, why }: RebuildLine): string {
  return `${outcome} ${from}${name === undefined ? "" : ` as ${name}`}${why === undefined ? "" : `: ${why}`}\n`;
}

function failIfCorrupt(lines: readonly RebuildLine[]): void {
  const [first, ...others] = lines.filter(({ corrupt }) => corrupt);
  if (first === undefined) return;
  const more = others.length > 0 ? `, nor for ${others.length} more` : "";
  throw new BackupError("SNAPSHOT_CORRUPT", `Cannot make a manifest for "${first.from}"${more}: ${first.why}`, {
    hint: "What would restore has one now; look at the others with `etcd-ark fetch` or `aws s3 cp`, and delete them",
  });
}
