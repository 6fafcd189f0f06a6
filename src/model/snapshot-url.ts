import { BackupError } from "../errors.ts";
import { layout, type ObjectKey } from "./layout.ts";
import type { SnapshotName } from "./snapshot-name.ts";

/** An object in a bucket that is to be restored. */
export interface SnapshotUrl {
  readonly bucket: string;
  /** What stands above the cluster's folder, or above the object where there is none. */
  readonly folder: string;
  /** Relative to `folder`. */
  readonly key: ObjectKey;
  /** The object's own name, with its suffix. */
  readonly file: string;
  /** Of an object that lies where this program puts its snapshots. */
  readonly cluster: string | undefined;
}

/** Takes `s3://bucket/folder/cluster/snapshots/NAME` apart, or the URL of a snapshot that others have put elsewhere. */
export function parseSnapshotUrl(url: string): SnapshotUrl {
  const [, bucket, path = ""] = /^s3:\/\/([^/]+)\/(.*)$/.exec(url) ?? [];
  const parts = path.split("/");
  const file = parts.pop() ?? "";
  if (!bucket || file === "" || parts.includes("")) throw notAnObject(url);
  const cluster = parts.at(-1) === "snapshots" ? parts.at(-2) : undefined;
  if (cluster === undefined) return { bucket, folder: parts.join("/"), key: file, file, cluster };
  return { bucket, folder: parts.slice(0, -2).join("/"), key: `${layout.snapshots(cluster)}${file}`, file, cluster };
}

const ENCODING_OF_SUFFIX: Readonly<Record<string, string>> = { ".zst": "zstd", ".gz": "gzip" };

/** The name of the snapshot in a file of this name, and how its suffix says that it is stored. */
export function nameOfFile(file: string): { readonly name: SnapshotName; readonly encoding: readonly string[] } {
  const [, name = file, suffix = ""] = /^(.+?)(\.zst|\.gz)$/.exec(file) ?? [];
  const step = ENCODING_OF_SUFFIX[suffix];
  return step === undefined ? { name: file, encoding: [] } : { name, encoding: [step] };
}

function notAnObject(url: string): BackupError {
  return new BackupError("USAGE", `Cannot restore "${url}": it names no object in a bucket`, {
    hint: "Write s3://BUCKET/FOLDER/CLUSTER/snapshots/NAME, or use --latest with --s3-bucket=BUCKET --s3-folder=FOLDER",
  });
}
