import { isAbsolute, relative } from "node:path";
import { BackupError } from "../errors.ts";
import type { DataDirectories, Place } from "../ports/data-directory.ts";
import type { MemberOptions, RestoreTool } from "../ports/etcd-tools.ts";
import type { RestoreContext } from "./context.ts";

/** Where to, and as which member. */
export interface RestoreTarget {
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute; without it the write-ahead log lies below `dataDir`. */
  readonly walDir: string | undefined;
  readonly member: MemberOptions;
  /** A program to restore with; without it the one on PATH. */
  readonly tool: string | undefined;
}

/** A target that may be restored into, as far as can be told without the snapshot. */
export interface PreparedRestore {
  readonly member: MemberOptions;
  readonly dataDir: Place;
  readonly wal: WalPlace;
  readonly tool: RestoreTool;
  readonly leftovers: { readonly removed: readonly string[]; readonly left: readonly string[] };
}

/** Where the write-ahead log goes: where etcd has it anyway, elsewhere below the data directory, or to a place of its own. */
export type WalPlace =
  | { readonly kind: "usual" }
  | { readonly kind: "below"; readonly path: string; readonly relative: string }
  | { readonly kind: "apart"; readonly place: Place };

/** Refuses all that can be refused before anything is read from a store or written to the disk. */
export async function prepareRestore(
  { directories, findTool }: RestoreContext,
  { dataDir, walDir, member, tool: named }: RestoreTarget,
  signal: AbortSignal,
): Promise<PreparedRestore> {
  checkBump(member);
  const wal = relationOf(dataDir, walDir);
  let place = refuseUnfit(await directories.look(dataDir), "--data-dir");
  const walPlace = wal === "apart" && walDir ? await lookAtWal(directories, walDir) : undefined;
  const tool = await findTool(named, signal);
  if (member.bumpRevision !== undefined && !tool.canBumpRevision) throw cannotBump(tool);
  const leftovers = await directories.removeLeftovers(place);
  // The room that they took is free now.
  if (leftovers.removed.length > 0) place = await directories.look(dataDir);
  return { member, dataDir: place, wal: walOf({ wal, walDir, walPlace }), tool, leftovers };
}

/** Since there is no data directory, a WAL that a restore has left unfinished belongs to none. */
async function lookAtWal(directories: DataDirectories, walDir: string): Promise<Place> {
  const place = await directories.look(walDir);
  if (place.state !== "unfinished") return refuseUnfit(place, "--wal-dir");
  await directories.removeUnfinished(place);
  return await directories.look(walDir);
}

type Relation = "usual" | "apart" | { readonly below: string };

function relationOf(dataDir: string, walDir: string | undefined): Relation {
  if (walDir === undefined) return "usual";
  const below = relative(dataDir, walDir);
  if (below === "" || isBelow(relative(walDir, dataDir))) {
    throw new BackupError("USAGE", `Cannot use --wal-dir "${walDir}": the data directory would be in it`, {
      hint: "Name a directory of its own, or leave --wal-dir out",
    });
  }
  return isBelow(below) ? { below } : "apart";
}

function isBelow(path: string): boolean {
  return path !== "" && !isAbsolute(path) && path.split("/")[0] !== "..";
}

function walOf(parts: { wal: Relation; walDir: string | undefined; walPlace: Place | undefined }): WalPlace {
  const { wal, walDir, walPlace } = parts;
  if (walPlace) return { kind: "apart", place: walPlace };
  return typeof wal === "object" && walDir ? { kind: "below", path: walDir, relative: wal.below } : { kind: "usual" };
}

function refuseUnfit(place: Place, flag: string): Place {
  const { path, state, isMountPoint, lockedBy } = place;
  if (lockedBy !== undefined) {
    const who = lockedBy > 0 ? `process ${lockedBy}` : "a process of another container";
    throw new BackupError("ALREADY_RUNNING", `Cannot restore into "${path}": ${who} has its database open`, {
      hint: `Stop that etcd, then move the directory away: mv ${path} ${path}.old`,
    });
  }
  if (isMountPoint) {
    throw new BackupError(
      "STORE_REFUSED",
      `Cannot restore into "${path}": it is a mount point, which cannot be replaced`,
      {
        hint: `Restore into a directory below it: ${flag}=${path}/etcd`,
      },
    );
  }
  if (state === "occupied" || state === "unfinished") {
    throw new BackupError("STORE_CONFLICT", `Cannot restore into "${path}": it is not empty`, {
      hint: `Stop etcd and move it away: mv ${path} ${path}.old; or name another directory with ${flag}`,
    });
  }
  return place;
}

/** As etcd's tool demands it, but before a gigabyte was fetched. */
function checkBump({ bumpRevision, markCompacted }: MemberOptions): void {
  if (bumpRevision !== undefined && !/^[1-9]\d*$/.test(bumpRevision)) {
    throw new BackupError("USAGE", `Cannot use --bump-revision "${bumpRevision}": it is no number of revisions`, {
      hint: "Write a whole number above 0, e.g. --bump-revision 1000000000",
    });
  }
  if ((bumpRevision !== undefined) === (markCompacted ?? false)) return;
  throw new BackupError("USAGE", "Cannot use one of --bump-revision and --mark-compacted without the other", {
    hint: "Write --bump-revision 1000000000 --mark-compacted",
  });
}

function cannotBump({ path, name, version }: RestoreTool): BackupError {
  return new BackupError("CONFIG_INVALID", `Cannot bump the revision: "${path}" is ${name} ${version}, which cannot`, {
    hint: "Use etcdutl of 3.5 or newer, with --etcdutl=PATH; without the two options restart all that watches etcd",
  });
}
