import type { ObjectStore, WrittenObject } from "../ports/object-store.ts";
import { readDecoded, type StoredSnapshot } from "./copy-snapshot.ts";

/**
 * Brings a snapshot back as the file that stock tools restore. `into` is a store of local files, so that the
 * file appears whole, with mode 0600, or not at all, and never replaces another.
 */
export async function fetchSnapshot(
  snapshot: StoredSnapshot,
  { into, file }: { readonly into: ObjectStore; readonly file: string },
  signal: AbortSignal,
): Promise<WrittenObject> {
  await using writer = await into.open(file, { expectedSize: snapshot.manifest.snapshotSize, metadata: {} }, signal);
  for await (const chunk of readDecoded(snapshot, signal)) await writer.write(chunk);
  return await writer.complete();
}
