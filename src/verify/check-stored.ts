import { keyOf, type StoredSnapshot } from "../backup/copy-snapshot.ts";
import type { Finding } from "../model/finding.ts";
import type { Manifest } from "../model/manifest.ts";
import { formatInstant, parseInstant } from "../model/time.ts";
import type { StoredObject } from "../ports/object-store.ts";

/** Compares what the store says of the object with the manifest: that it is there, its size, and its lock. */
export async function checkStored(snapshot: StoredSnapshot, signal: AbortSignal): Promise<readonly Finding[]> {
  const { store, manifest } = snapshot;
  const key = keyOf(snapshot);
  const object = await store.head(key, signal);
  if (object === undefined) return [{ code: "MISSING", message: `there is no "${store.url(key)}"` }];
  const { storedSize } = manifest;
  const wrongSize = `it has ${object.size} bytes, the manifest says ${storedSize}`;
  return [
    ...(object.size === storedSize ? [] : [{ code: "SIZE", message: wrongSize } as const]),
    ...checkLock(manifest, object),
  ];
}

/** A lock may be longer than the manifest says, never shorter. The service tells whole seconds. */
function checkLock({ lock }: Manifest, object: StoredObject): readonly Finding[] {
  const until = lock && parseInstant(lock.until);
  if (!until || until < object.storedAt) return [];
  if (object.lock && object.lock.until > until - 1000) return [];
  const now = object.lock ? `until ${formatInstant(object.lock.until)} only` : "not at all";
  return [{ code: "LOCK", message: `it is locked ${now}, the manifest says until ${lock?.until}` }];
}
