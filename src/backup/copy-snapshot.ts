import { createHash } from "node:crypto";
import { BackupError } from "../errors.ts";
import { layout, type ObjectKey } from "../model/layout.ts";
import type { Manifest } from "../model/manifest.ts";
import type { ObjectStore, ObjectWriter } from "../ports/object-store.ts";
import { decode } from "./decoder.ts";
import { SnapshotDigest } from "./snapshot-digest.ts";

export interface StoredSnapshot {
  readonly store: ObjectStore;
  readonly cluster: string;
  readonly manifest: Manifest;
}

/** What tells the bytes of one snapshot from all others. */
export type Measures = Pick<Manifest, "encoding" | "storedSize" | "storedSha256" | "snapshotSize" | "sha256">;

/** An object that has no manifest here, with what a first reading has found where a manifest would tell it. */
export interface MeasuredObject {
  readonly store: ObjectStore;
  readonly key: ObjectKey;
  readonly manifest: Measures;
}

type Readable = StoredSnapshot | MeasuredObject;

/** Where the stored bytes of a snapshot lie in its store. */
export function keyOf(snapshot: Readable): ObjectKey {
  if ("key" in snapshot) return snapshot.key;
  return layout.snapshot(snapshot.cluster, snapshot.manifest.name, snapshot.manifest.encoding);
}

/**
 * Writes a snapshot's stored bytes as they are, and rejects with `SNAPSHOT_CORRUPT` before the writer is
 * completed if they are not those that the manifest speaks of.
 */
export async function copyStored(snapshot: StoredSnapshot, writer: ObjectWriter, signal: AbortSignal): Promise<void> {
  for await (const chunk of readStored(snapshot, signal)) await writer.write(chunk);
}

/** The stored bytes as they are. Rejects with `SNAPSHOT_CORRUPT`, at the latest in the end, unless size and SHA-256 are the manifest's. */
export async function* readStored(snapshot: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { storedSize, storedSha256 } = snapshot.manifest;
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of readBounded(snapshot, signal)) {
    hash.update(chunk);
    size += chunk.length;
    yield chunk;
  }
  requireSize(snapshot, { size, expected: storedSize });
  requireDigest(snapshot, { sha256: hash.digest("hex"), expected: storedSha256 });
}

/**
 * Etcd's own bytes, decoded if they were encoded. Rejects with `SNAPSHOT_CORRUPT` unless they, and the stored ones, are
 * those that the manifest speaks of: at the latest in the end, and before more come than it says.
 */
export async function* readDecoded(snapshot: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { manifest } = snapshot;
  const digest = new SnapshotDigest(manifest.snapshotSize);
  for await (const chunk of decodedBytes(snapshot, signal)) {
    digest.write(chunk);
    // What expands without end would fill the disk long before its digest is seen to be wrong.
    if (digest.position > manifest.snapshotSize) throw tooLong(snapshot, manifest.snapshotSize);
    yield chunk;
  }
  requireSize(snapshot, { size: digest.position, expected: manifest.snapshotSize });
  const { sha256, trailer, snapshotSha256 } = digest.finish();
  // What was not encoded is stored as it is, and is not hashed a second time.
  if (manifest.encoding.length === 0)
    requireDigest(snapshot, { sha256: snapshotSha256, expected: manifest.storedSha256 });
  requireDigest(snapshot, { sha256, expected: manifest.sha256 });
  requireDigest(snapshot, { sha256: trailer, expected: manifest.sha256 });
}

async function* decodedBytes(snapshot: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { encoding } = snapshot.manifest;
  if (encoding.length === 0) return yield* readBounded(snapshot, signal);
  let isWhole = false;
  const stored = async function* (): AsyncGenerator<Uint8Array> {
    yield* readStored(snapshot, signal);
    isWhole = true;
  };
  yield* decode(stored(), encoding);
  if (!isWhole) throw corrupt(snapshot, "something follows the end of what was compressed");
}

/** An object of another size than the manifest's is not read to its end. */
async function* readBounded(snapshot: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { storedSize } = snapshot.manifest;
  let size = 0;
  for await (const chunk of snapshot.store.read(keyOf(snapshot), undefined, signal)) {
    size += chunk.length;
    if (size > storedSize) throw tooLong(snapshot, storedSize);
    yield chunk;
  }
}

function requireSize(
  snapshot: Readable,
  { size, expected }: { readonly size: number; readonly expected: number },
): void {
  if (size !== expected) throw corrupt(snapshot, `it has ${size} bytes, the manifest says ${expected}`);
}

function requireDigest(
  snapshot: Readable,
  { sha256, expected }: { readonly sha256: string; readonly expected: string },
): void {
  if (sha256 !== expected) throw corrupt(snapshot, `its SHA-256 is ${sha256}, the manifest says ${expected}`);
}

function tooLong(snapshot: Readable, expected: number): BackupError {
  return corrupt(snapshot, `it has more than the ${expected} bytes that the manifest says`);
}

function corrupt(snapshot: Readable, detail: string): BackupError {
  return new BackupError("SNAPSHOT_CORRUPT", `Cannot trust "${snapshot.store.url(keyOf(snapshot))}": ${detail}`, {
    hint: "Fetch another snapshot; `etcd-ark list` shows what there is",
  });
}
