import { keyOf, type MeasuredObject, readDecoded, type StoredSnapshot } from "../backup/copy-snapshot.ts";
import type { ByteSource } from "../bolt/byte-source.ts";
import type { Scratch } from "../ports/scratch.ts";
import type { VerifyContext } from "./context.ts";
import { fileSource, memorySource, objectSource } from "./sources.ts";

/** A snapshot whose digests were found right, open to be read anywhere. */
export interface ReadableSnapshot extends AsyncDisposable {
  readonly source: ByteSource;
}

/** Hashes all bytes. Rejects with `SNAPSHOT_CORRUPT` when a digest is wrong. */
export async function checkDigests(snapshot: StoredSnapshot | MeasuredObject, signal: AbortSignal): Promise<void> {
  for await (const _ of readDecoded(snapshot, signal));
}

/**
 * Hashes all bytes, and opens the snapshot to be read in another order: from memory when it is small, in the store itself
 * when it is stored raw, else from a scratch file, since what is compressed cannot be read from the middle.
 */
export async function openSnapshot(
  snapshot: StoredSnapshot | MeasuredObject,
  { scratch, inMemoryBytes }: VerifyContext,
  signal: AbortSignal,
): Promise<ReadableSnapshot> {
  const { snapshotSize, encoding } = snapshot.manifest;
  if (snapshotSize <= inMemoryBytes) return { source: await collect(snapshot, signal), [Symbol.asyncDispose]: nothing };
  if (encoding.length > 0) return await unpack(snapshot, scratch, signal);
  await checkDigests(snapshot, signal);
  const source = objectSource(snapshot.store, { key: keyOf(snapshot), size: snapshotSize });
  return { source, [Symbol.asyncDispose]: nothing };
}

async function collect(snapshot: StoredSnapshot | MeasuredObject, signal: AbortSignal): Promise<ByteSource> {
  const bytes = new Uint8Array(snapshot.manifest.snapshotSize);
  let filled = 0;
  for await (const chunk of readDecoded(snapshot, signal)) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return memorySource(bytes);
}

async function unpack(
  snapshot: StoredSnapshot | MeasuredObject,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<ReadableSnapshot> {
  await using building = new AsyncDisposableStack();
  const file = building.use(await scratch.open(snapshot.manifest.snapshotSize, signal));
  for await (const chunk of readDecoded(snapshot, signal)) await file.append(chunk, signal);
  const built = building.move();
  return { source: fileSource(file), [Symbol.asyncDispose]: () => built.disposeAsync() };
}

async function nothing(): Promise<void> {}
