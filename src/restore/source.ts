import type { StoredSnapshot } from "../backup/copy-snapshot.ts";
import type { ObjectKey } from "../model/layout.ts";
import { TRAILER_BYTES } from "../model/manifest.ts";
import type { ObjectStore } from "../ports/object-store.ts";

/** Where a snapshot to restore comes from. */
export type RestoreSource =
  /** With a manifest, against which the bytes are held. */
  | { readonly kind: "stored"; readonly snapshot: StoredSnapshot; readonly suspect: readonly string[] }
  /** An object without one: it stands by etcd's own digest. */
  | { readonly kind: "object"; readonly store: ObjectStore; readonly key: ObjectKey; readonly object: PlainObject }
  /** On this machine; used where it lies. */
  | { readonly kind: "file"; readonly path: string; readonly sizeBytes: number };

export interface PlainObject {
  readonly name: string;
  readonly sizeBytes: number;
  readonly encoding: readonly string[];
}

/** What operators call it. */
export function nameOfSource(source: RestoreSource): string {
  switch (source.kind) {
    case "stored":
      return source.snapshot.manifest.name;
    case "object":
      return source.object.name;
    case "file":
      return source.path;
  }
}

/** The URL of the store, or the path of the file. */
export function placeOfSource(source: RestoreSource): string {
  switch (source.kind) {
    case "stored":
      return source.snapshot.store.url("");
    case "object":
      return source.store.url(source.key);
    case "file":
      return source.path;
  }
}

/** Bytes of the database, and of what has to be fetched for it; as stored, where nothing tells more. */
export function sizesOf(source: RestoreSource): { readonly fetchedBytes: number; readonly dbBytes: number } {
  switch (source.kind) {
    case "stored": {
      const { snapshotSize, dbSize } = source.snapshot.manifest;
      return { fetchedBytes: snapshotSize, dbBytes: dbSize };
    }
    case "object": {
      const { sizeBytes } = source.object;
      return { fetchedBytes: sizeBytes, dbBytes: sizeBytes - TRAILER_BYTES };
    }
    case "file":
      return { fetchedBytes: 0, dbBytes: source.sizeBytes };
  }
}

/** The version of etcd that its tools must have at least, where a manifest tells. */
export function etcdVersionOf(source: RestoreSource): string {
  if (source.kind !== "stored") return "";
  const { storageVersion, etcdVersion } = source.snapshot.manifest;
  return storageVersion || etcdVersion;
}
