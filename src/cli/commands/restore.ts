import { type Command, Option } from "commander";
import { compileWell } from "../../app/compile-well.ts";
import { createRestoreContext } from "../../app/restore.ts";
import { DISTRIBUTIONS } from "../../model/restore-guide/guide.ts";
import { nextSteps, otherMembers } from "../../restore/next-steps.ts";
import { type PreparedRestore, prepareRestore } from "../../restore/prepare-restore.ts";
import { type Restored, restoreSnapshot } from "../../restore/restore-snapshot.ts";
import { nameOfSource, placeOfSource, type RestoreSource } from "../../restore/source.ts";
import { formatDuration } from "../format.ts";
import { printResult } from "../print-result.ts";
import { progressOn } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { type RestoreCommand, targetOf, wishOf } from "./restore-flags.ts";
import { printGuide } from "./restore-guide.ts";
import { openSource } from "./restore-source.ts";

/** The options of `restore`; those of a member are etcdutl's own. */
export function addRestoreOptions(command: Command): Command {
  return command
    .option("--latest", "the newest good snapshot")
    .option("--time <moment>", "the newest that holds nothing later: 2026-11-25T03:00:00Z, or with a blank, in UTC")
    .option("--data-dir <dir>", "where to; absent or empty")
    .option("--wal-dir <dir>", "where the write-ahead log goes, if not below it")
    .option("--name <member>", "the member's name")
    .option("--initial-cluster <list>", "names and peer URLs of all members")
    .option("--initial-cluster-token <token>", "token of the new cluster")
    .option("--initial-advertise-peer-urls <list>", "this member's peer URLs")
    .option("--bump-revision <n>", "move the revision ahead, for what watches etcd, as Kubernetes does")
    .option("--mark-compacted", "with it: mark the older revisions as compacted")
    .option("--etcdutl <path>", "the tool to restore with; by default etcdutl on PATH, else etcdctl of 3.4 or 3.5")
    .option("--force", "restore what is suspect, corrupt, or newer than the tool")
    .addOption(new Option("--for <distribution>", "only print how to restore it there").choices(DISTRIBUTIONS));
}

/** `restore`: a data directory from a snapshot, by stock etcdutl; or the guide of a distribution. */
export async function restore(command: RestoreCommand): Promise<void> {
  const { snapshot, flags, terminal } = command;
  const wish = wishOf(snapshot, flags);
  compileWell();
  if (flags.for !== undefined) return await printGuide({ ...command, wish }, flags.for);
  const { environment, workingDirectory, signal } = terminal;
  const context = createRestoreContext({ environment, workingDirectory });
  const target = targetOf(flags, workingDirectory);
  await using _lock = await context.lock.acquire(`restore ${target.dataDir}`, 0, signal);
  // Before a session is opened: most of what is refused needs neither configuration nor network.
  const prepared = await prepareRestore(context, target, signal);
  tellLeftovers(prepared, terminal);
  await using opened = await openSource({ ...command, wish });
  const { source } = opened;
  terminal.stderr.write(`Restoring ${nameOfSource(source)} with ${prepared.tool.path} ${prepared.tool.version}\n`);
  const onProgress = progressOn(terminal, context.clock);
  const warn = (text: string): void => terminal.stderr.write(`warning: ${text}\n`);
  const request = { prepared, source, force: flags.force ?? false, warn, onProgress };
  const restored = await restoreSnapshot(context, request, signal);
  print(command, { prepared, source, restored });
}

function tellLeftovers({ leftovers }: PreparedRestore, { stderr }: Terminal): void {
  for (const path of leftovers.removed) stderr.write(`Removed ${path}, which a killed restore had left\n`);
  for (const path of leftovers.left) {
    stderr.write(`warning: ${path} is of another restore; if none is at work, it is removed after an hour\n`);
  }
}

interface Outcome {
  readonly prepared: PreparedRestore;
  readonly source: RestoreSource;
  readonly restored: Restored;
}

function print({ common, terminal }: RestoreCommand, { prepared, source, restored }: Outcome): void {
  const { dataDir, wal, tool, member } = prepared;
  const walDir = wal.kind === "apart" ? wal.place.path : wal.kind === "below" ? wal.path : null;
  const next = nextSteps(prepared);
  const revision = restored.revision === 0n ? null : String(restored.revision);
  const data = {
    name: nameOfSource(source),
    from: placeOfSource(source),
    revision,
    dataDir: dataDir.path,
    walDir,
    tool: { path: tool.path, version: tool.version },
    durationMs: Math.round(restored.durationMs),
    next,
  };
  printResult(terminal, { format: common.output, data, text: () => `${dataDir.path}\n` });
  const took = formatDuration(restored.durationMs);
  terminal.stderr.write(`Restored revision ${revision ?? "unknown"} in ${took}\n`);
  for (const other of otherMembers(member)) {
    terminal.stderr.write(`Restore the same snapshot on member ${other} before any of them is started\n`);
  }
  terminal.stderr.write(`Next:\n${next.map((line) => `  ${line}\n`).join("")}`);
  adviseKubernetes(source, { prepared, terminal });
}

function adviseKubernetes(
  source: RestoreSource,
  { prepared, terminal }: { readonly prepared: PreparedRestore; readonly terminal: Terminal },
): void {
  const distribution = source.kind === "stored" ? source.snapshot.manifest.distribution : "";
  if (distribution === "" || prepared.member.bumpRevision !== undefined) return;
  terminal.stderr.write(
    `warning: the snapshot is of ${distribution}: Kubernetes' watches must not see revisions go back; restore it with --bump-revision 1000000000 --mark-compacted, or see --for ${distribution}\n`,
  );
}
