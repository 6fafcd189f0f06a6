import { createHash } from "node:crypto";
import { BackupError } from "../errors.ts";
import { layout, type ObjectKey } from "../model/layout.ts";
import type { Manifest } from "../model/manifest.ts";
import type { ObjectStore, ObjectWriter } from "../ports/object-store.ts";
import { decode } from "./decoder.ts";
import { StreamCheck } from "./stream-check.ts";

export interface StoredSnapshot {
  readonly store: ObjectStore;
  readonly cluster: string;
  readonly manifest: Manifest;
}

/** Where the stored bytes of a snapshot lie in its store. */
function keyOf({ cluster, manifest }: StoredSnapshot): ObjectKey {
  return layout.snapshot(cluster, manifest.name, manifest.encoding);
}

/**
 * Writes a snapshot's stored bytes as they are, and rejects with `SNAPSHOT_CORRUPT` before the writer is
 * completed if they are not those that the manifest speaks of.
 */
export async function copyStored(snapshot: StoredSnapshot, writer: ObjectWriter, signal: AbortSignal): Promise<void> {
  for await (const chunk of storedBytes(snapshot, signal)) await writer.write(chunk);
}

/** Writes etcd's own bytes, decoded if they were encoded, and checks them against etcd's digest as well. */
export async function copyDecoded(snapshot: StoredSnapshot, writer: ObjectWriter, signal: AbortSignal): Promise<void> {
  const { manifest } = snapshot;
  const check = new StreamCheck(manifest.snapshotSize);
  for await (const chunk of decode(storedBytes(snapshot, signal), manifest.encoding)) {
    check.write(chunk);
    await writer.write(chunk);
  }
  const { sha256 } = check.finish();
  if (sha256 !== manifest.sha256)
    throw corrupt(snapshot, `its digest is ${sha256}, the manifest says ${manifest.sha256}`);
}

async function* storedBytes(snapshot: StoredSnapshot, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { store, manifest } = snapshot;
  const hash = createHash("sha256");
  for await (const chunk of store.read(keyOf(snapshot), undefined, signal)) {
    hash.update(chunk);
    yield chunk;
  }
  const sha256 = hash.digest("hex");
  if (sha256 !== manifest.storedSha256) {
    throw corrupt(snapshot, `its SHA-256 is ${sha256}, the manifest says ${manifest.storedSha256}`);
  }
}

function corrupt(snapshot: StoredSnapshot, detail: string): BackupError {
  return new BackupError("SNAPSHOT_CORRUPT", `Cannot trust "${snapshot.store.url(keyOf(snapshot))}": ${detail}`, {
    hint: "Fetch another snapshot; `etcd-ark list` shows what there is",
  });
}
