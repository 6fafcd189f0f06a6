import { dirname, join } from "node:path";
import { fetchSnapshot } from "../../backup/fetch-snapshot.ts";
import { findSnapshot } from "../../backup/find-snapshot.ts";
import { BackupError, isBackupError } from "../../errors.ts";
import { layout } from "../../model/layout.ts";
import type { Manifest } from "../../model/manifest.ts";
import { formatBytes } from "../format.ts";
import { giveName, localFileOf, requireFree, sweepUnnamed } from "../local-file.ts";
import { printResult } from "../print-result.ts";
import { progressOn } from "../progress.ts";
import type { Session } from "../session.ts";

export interface FetchOptions {
  readonly name: string;
  /** A file, or a directory for it. */
  readonly to: string | undefined;
  /** Whether the bytes stay as they are stored. */
  readonly raw: boolean;
}

/**
 * `fetch NAME`: a file that stock tools restore, or with `--raw` the stored bytes. Digest checked, mode 0600, never over
 * another file; nothing is left when it fails.
 */
export async function fetch(session: Session, { name, to, raw }: FetchOptions): Promise<void> {
  const { app, config, terminal, format } = session;
  const stores = app.context.destinations.map(({ store }) => store);
  const snapshot = await findSnapshot(stores, { cluster: config.cluster, name }, terminal.signal);
  const { manifest, store } = snapshot;
  const fileName = raw ? storedName(manifest) : name;
  const path = await localFileOf(fileName, { to: to ?? fileName, in: terminal.workingDirectory });
  await requireFree(path);
  await sweepUnnamed(dirname(path), app.context.clock.now());
  await using into = app.localFiles(dirname(path));
  // A store takes few letters in the names of its objects, a file system nearly all.
  const file = `.fetch-${app.context.newUuid()}`;
  const onProgress = progressOn(terminal, app.context.clock);
  await fetchSnapshot(snapshot, { into, file, raw, onProgress }, terminal.signal).catch(rethrowAsLocal);
  await giveName(join(dirname(path), file), path);
  const { revision, snapshotSize, sha256, storedSize, storedSha256, encoding } = manifest;
  const stored = raw ? { storedSize, storedSha256, encoding } : {};
  printResult(terminal, {
    format,
    data: { name, path, revision, snapshotSize, sha256, ...stored, from: store.url("") },
    text: () => `${path}\n`,
  });
  const what = raw ? `${formatBytes(storedSize)} as stored` : formatBytes(snapshotSize);
  terminal.stderr.write(`Fetched revision ${revision}, ${what}; its digest is right\n`);
}

/** The hints of a store that is full are about what the configuration says, and not about this file. */
function rethrowAsLocal(error: unknown): never {
  if (!isBackupError(error, "STORE_FULL")) throw error;
  throw new BackupError(error.code, error.message, {
    hint: "Free space there, or name another place with --to",
    cause: error.cause,
  });
}

/** The snapshot's name with the ending of its key, e.g. `.zst`. */
function storedName({ name, encoding }: Manifest): string {
  return layout.snapshot("", name, encoding).split("/").at(-1) ?? name;
}
