import { join } from "node:path";
import { BackupError } from "../errors.ts";
import type { Revision } from "../model/manifest.ts";
import type { Workspace } from "../ports/data-directory.ts";
import { checkFile, type Leniency, mustSkipHashCheck, refuseOlderTool, refuseUnlessForced } from "./check-file.ts";
import type { RestoreContext } from "./context.ts";
import { fetchSource } from "./fetch-source.ts";
import type { PreparedRestore } from "./prepare-restore.ts";
import { refuseLittleRoom } from "./room.ts";
import { etcdVersionOf, nameOfSource, type RestoreSource } from "./source.ts";

export interface RestoreRequest extends Leniency {
  readonly prepared: PreparedRestore;
  readonly source: RestoreSource;
  readonly onProgress: (done: number, total: number) => void;
}

export interface Restored {
  /** Of the snapshot, before it was bumped. */
  readonly revision: Revision;
  readonly durationMs: number;
}

/**
 * Makes a data directory from a snapshot. Whatever happens until the last rename, whoever looks sees the directory as it
 * was; after it, the new one, whole.
 */
export async function restoreSnapshot(
  context: RestoreContext,
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<Restored> {
  const { prepared, source, force, onProgress } = request;
  const start = context.clock.monotonic();
  const name = nameOfSource(source);
  refuseSuspect(source, request);
  refuseOlderTool({ tool: prepared.tool, version: etcdVersionOf(source), name }, request);
  refuseLittleRoom(prepared, source);
  await using workspace = await context.directories.workspaceBeside(prepared.dataDir);
  const fetching = { source, directory: workspace.path, force, onProgress };
  const path = await fetchSource(context, fetching, signal);
  const inspected = await checkFile(context, { path, name, tool: prepared.tool, leniency: request }, signal);
  await unpack(context, { ...request, workspace, path, skipHashCheck: mustSkipHashCheck(inspected) }, signal);
  return { revision: inspected.revision, durationMs: context.clock.monotonic() - start };
}

interface Unpacking extends RestoreRequest {
  readonly workspace: Workspace;
  readonly path: string;
  readonly skipHashCheck: boolean;
}

const DATA = "restored";
const WAL = "wal";

async function unpack(context: RestoreContext, unpacking: Unpacking, signal: AbortSignal): Promise<void> {
  const { prepared, workspace, path, skipHashCheck } = unpacking;
  const { wal, tool, member } = prepared;
  await using beside = wal.kind === "apart" ? await context.directories.workspaceBeside(wal.place) : undefined;
  const restored = join(workspace.path, DATA);
  const walDir = wal.kind === "below" ? join(restored, wal.relative) : beside && join(beside.path, WAL);
  await tool.restore({ file: path, dataDir: restored, walDir, member, skipHashCheck }, signal);
  signal.throwIfAborted();
  await commit(context, { workspace, beside, prepared });
}

interface Commit {
  readonly workspace: Workspace;
  /** Beside the directory of a WAL that lies apart. */
  readonly beside: Workspace | undefined;
  readonly prepared: PreparedRestore;
}

/**
 * Puts the data directory in place last: etcd that finds it finds its WAL in place. In the other order a kill between
 * the two would leave a database that etcd starts with an empty log. A WAL without its data directory bears a mark, by
 * which the next restore knows that it may go.
 */
async function commit(
  { directories }: RestoreContext,
  { workspace, beside, prepared: { dataDir, wal } }: Commit,
): Promise<void> {
  if (wal.kind !== "apart" || !beside) return await workspace.publish(DATA, dataDir, "whole");
  await beside.publish(WAL, wal.place, "unfinished");
  try {
    await workspace.publish(DATA, dataDir, "whole");
  } catch (error) {
    await beside.takeBack(WAL, wal.place);
    throw error;
  }
  await directories.finish(wal.place);
}

function refuseSuspect(source: RestoreSource, leniency: Leniency): void {
  if (source.kind !== "stored" || source.suspect.length === 0) return;
  const { name } = source.snapshot.manifest;
  refuseUnlessForced(
    new BackupError("SNAPSHOT_SUSPECT", `Cannot restore "${name}": it is suspect: ${source.suspect.join(", ")}`, {
      hint: "Take an older one; if history is right, `etcd-ark accept` it, or add --force",
    }),
    leniency,
  );
}
