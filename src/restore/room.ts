import { BackupError } from "../errors.ts";
import type { Place } from "../ports/data-directory.ts";
import type { PreparedRestore } from "./prepare-restore.ts";
import { type RestoreSource, sizesOf } from "./source.ts";

/** etcd makes WAL files of 64 MB, and has the next one ready (`server/storage/wal/wal.go` SegmentSizeBytes). */
const WAL_BYTES = 2 * 64_000_000;

/** Refuses to begin what the disk has no room for: what is fetched and what is restored lie there at the same time. */
export function refuseLittleRoom({ dataDir, wal }: PreparedRestore, source: RestoreSource): void {
  const { fetchedBytes, dbBytes } = sizesOf(source);
  const apart = wal.kind === "apart" && wal.place.fileSystem !== dataDir.fileSystem ? wal.place : undefined;
  refuseBelow(dataDir, fetchedBytes + dbBytes + (apart ? 0 : WAL_BYTES));
  if (apart) refuseBelow(apart, WAL_BYTES);
}

function refuseBelow({ path, freeBytes }: Place, neededBytes: number): void {
  if (freeBytes >= neededBytes) return;
  const [needed, free] = [neededBytes, freeBytes].map((bytes) => `${Math.ceil(bytes / 2 ** 20)} MiB`);
  throw new BackupError("STORE_FULL", `Cannot restore into "${path}": ${needed} are needed and ${free} are free`, {
    hint: "Free space there, or name a directory on another file system",
  });
}
