import type { ObjectKey } from "../model/layout.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import type { ObjectStore } from "../ports/object-store.ts";

/** What became of one object. */
export type Outcome =
  | {
      readonly action: "rebuilt" | "imported" | "there already";
      /** The object that was looked at, as others find it in its store. */
      readonly key: ObjectKey;
      readonly name: SnapshotName;
      /** URL of the store that holds the snapshot. */
      readonly store: string;
      /** The cluster as k3s names it, where the object tells it. */
      readonly k3sCluster?: string;
    }
  | {
      readonly action: "left out";
      readonly key: ObjectKey;
      readonly store: string;
      readonly why: string;
      /** Whether something is wrong with it; else it is only not its time. */
      readonly isFinding: boolean;
    };

/** An object that is not taken, and why. */
export function leftOut(
  { store, key }: { readonly store: ObjectStore; readonly key: ObjectKey },
  why: string,
  isFinding = true,
): Outcome {
  return { action: "left out", key: store.fullKey(key), store: store.url(""), why, isFinding };
}
