import { dirname, join } from "node:path";
import { fetchSnapshot } from "../../backup/fetch-snapshot.ts";
import { findSnapshot } from "../../backup/find-snapshot.ts";
import { formatBytes } from "../format.ts";
import { giveName, localFileOf, requireFree } from "../local-file.ts";
import { printResult } from "../print-result.ts";
import type { Session } from "../session.ts";

/** `fetch NAME`: a file that stock tools restore, digest checked, mode 0600, never over another file. */
export async function fetch(
  { app, config, terminal, format }: Session,
  { name, to }: { readonly name: string; readonly to: string | undefined },
): Promise<void> {
  const stores = app.context.destinations.map(({ store }) => store);
  const snapshot = await findSnapshot(stores, { cluster: config.cluster, name }, terminal.signal);
  const path = await localFileOf(name, { to: to ?? name, in: terminal.workingDirectory });
  await requireFree(path);
  await using into = app.localFiles(dirname(path));
  // A store takes few letters in the names of its objects, a file system nearly all.
  const file = `.fetch-${app.context.newUuid()}`;
  await fetchSnapshot(snapshot, { into, file }, terminal.signal);
  await giveName(join(dirname(path), file), path);
  const { revision, snapshotSize, sha256 } = snapshot.manifest;
  printResult(terminal, {
    format,
    data: { name, path, revision, snapshotSize, sha256, from: snapshot.store.url("") },
    text: () => `${path}\n`,
  });
  terminal.stderr.write(`Fetched revision ${revision}, ${formatBytes(snapshotSize)}; its digest is right\n`);
}
