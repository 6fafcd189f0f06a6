import { join } from "node:path";
import { BackupError, isBackupError } from "../errors.ts";
import type { Revision } from "../model/manifest.ts";
import type { Workspace } from "../ports/data-directory.ts";
import type { InspectedFile } from "../ports/snapshot-inspector.ts";
import {
  checkFile,
  checkHead,
  type FileToCheck,
  type Leniency,
  mustSkipHashCheck,
  refuseOlderTool,
  refuseUnlessForced,
} from "./check-file.ts";
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
  const file = { path, name, tool: prepared.tool, leniency: request };
  await checkHead(context, file);
  await using beside =
    prepared.wal.kind === "apart" ? await context.directories.workspaceBeside(prepared.wal.place) : undefined;
  const { revision } = await checkAndUnpack(context, { file, places: { workspace, beside, prepared } }, signal);
  signal.throwIfAborted();
  await commit(context, { workspace, beside, prepared });
  return { revision, durationMs: context.clock.monotonic() - start };
}

interface Unpacking {
  readonly file: FileToCheck;
  readonly places: Commit;
}

const DATA = "restored";
const WAL = "wal";

/**
 * Reads the file through while etcd's tool already unpacks it: into the workspace, so that nothing has happened when
 * something is found. The tool holds the bytes against the digest. Only when it is forced, what the check finds decides how
 * the tool is called.
 */
async function checkAndUnpack(
  context: RestoreContext,
  unpacking: Unpacking,
  signal: AbortSignal,
): Promise<InspectedFile> {
  const { file } = unpacking;
  if (file.leniency.force) {
    const inspected = await checkFile(context, { ...file, digest: true }, signal);
    await unpack(unpacking, mustSkipHashCheck(inspected), signal);
    return inspected;
  }
  const stopped = new AbortController();
  const unpacked = unpack(unpacking, false, AbortSignal.any([signal, stopped.signal]));
  // It may fail before the file is read through, and is waited for below.
  unpacked.catch(() => undefined);
  try {
    const inspected = await checkFile(context, { ...file, digest: false }, signal);
    await unpacked;
    return inspected;
  } catch (error) {
    stopped.abort();
    await unpacked.catch(() => undefined);
    // The tool may have ended for a digest that is wrong, which is then told by its own name.
    if (isBackupError(error, "TOOL_FAILED")) await checkFile(context, { ...file, digest: true }, signal);
    throw error;
  }
}

async function unpack({ file, places }: Unpacking, skipHashCheck: boolean, signal: AbortSignal): Promise<void> {
  const { workspace, beside, prepared } = places;
  const { wal, tool, member } = prepared;
  const restored = join(workspace.path, DATA);
  const walDir = wal.kind === "below" ? join(restored, wal.relative) : beside && join(beside.path, WAL);
  await tool.restore({ file: file.path, dataDir: restored, walDir, member, skipHashCheck }, signal);
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
