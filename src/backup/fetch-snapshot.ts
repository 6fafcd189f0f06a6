import type { ObjectStore, ObjectWriter, WrittenObject } from "../ports/object-store.ts";
import { readDecoded, readStored, type StoredSnapshot } from "./copy-snapshot.ts";

export interface FetchRequest {
  readonly into: ObjectStore;
  readonly file: string;
  /** Leaves the bytes as they are stored, compressed if they are. */
  readonly raw?: boolean;
  /** Told after every write: bytes written, bytes in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Brings a snapshot back as the file that stock tools restore. `into` is a store of local files, so that the
 * file appears whole, with mode 0600, or not at all, and never replaces another.
 */
export async function fetchSnapshot(
  snapshot: StoredSnapshot,
  { into, file, raw = false, onProgress }: FetchRequest,
  signal: AbortSignal,
): Promise<WrittenObject> {
  const { storedSize, snapshotSize } = snapshot.manifest;
  const size = raw ? storedSize : snapshotSize;
  await using writer = await into.open(file, { expectedSize: size, metadata: {} }, signal);
  const lent = new Lent(snapshot.store, writer);
  let done = 0;
  for await (const chunk of raw ? readStored(snapshot, signal) : readDecoded(snapshot, signal)) {
    await writer.write(chunk);
    lent.add(chunk);
    done += chunk.length;
    onProgress?.(done, size);
  }
  return await writer.complete();
}

/** Chunks that a writer still needs; each goes back to its store once it does not. */
class Lent {
  readonly #store: ObjectStore;
  readonly #writer: ObjectWriter;
  readonly #chunks: Uint8Array[] = [];
  #returned = 0;

  constructor(store: ObjectStore, writer: ObjectWriter) {
    this.#store = store;
    this.#writer = writer;
  }

  add(chunk: Uint8Array): void {
    if (this.#store.recycle === undefined) return;
    this.#chunks.push(chunk);
    const doneWith = this.#writer.doneWith ?? 0;
    for (let first = this.#chunks[0]; first && this.#returned + first.length <= doneWith; first = this.#chunks[0]) {
      this.#returned += first.length;
      this.#store.recycle(first);
      this.#chunks.shift();
    }
  }
}
