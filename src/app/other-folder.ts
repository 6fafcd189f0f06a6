import { resolve } from "node:path";
import { createDirectoryStore } from "../directory/directory-store.ts";
import { BackupError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { ObjectStore } from "../ports/object-store.ts";

export interface OtherFolderOptions {
  readonly bucket: string;
  /** The bucket with another folder; `undefined` where there is no bucket. */
  readonly storeIn: ((folder: string) => ObjectStore) | undefined;
  readonly workingDirectory: string;
  readonly clock: Clock;
}

/** Opens another folder of the bucket, by its name or by its URL, or a local directory by a path that begins with `/` or `.`. */
export function openOtherFolder(from: string, options: OtherFolderOptions): ObjectStore {
  const { bucket, storeIn, workingDirectory, clock } = options;
  if (/^[/.]/.test(from)) {
    return createDirectoryStore({ path: resolve(workingDirectory, from), minFree: "0%", clock });
  }
  const [, named = bucket, folder = ""] = /^(?:s3:\/\/([^/]+)\/?)?(.*)$/s.exec(from) ?? [];
  if (storeIn && named === bucket) return storeIn(folder);
  throw new BackupError(
    "USAGE",
    `Cannot read from "${from}": ${storeIn ? "it is another bucket" : "no bucket is configured"}`,
    {
      hint: "Name a folder of the configured bucket, s3://BUCKET/ for the bucket itself, or a directory by its path",
    },
  );
}
