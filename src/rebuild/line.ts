import type { ObjectKey } from "../model/layout.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";

/** What became of one object. */
export interface RebuildLine {
  /** URL of the object. */
  readonly from: string;
  readonly outcome: "rebuilt" | "imported" | "there already" | "left out";
  readonly name?: SnapshotName;
  /** Why it was left out. */
  readonly why?: string;
  /** Whether its bytes are wrong, so that it would not restore. */
  readonly corrupt?: boolean;
}

/** The name of an object's file. */
export function fileOf(key: ObjectKey): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
