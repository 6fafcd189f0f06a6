import type { Clock } from "../ports/clock.ts";
import type { DataDirectories } from "../ports/data-directory.ts";
import type { FindRestoreTool } from "../ports/etcd-tools.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { RunLock } from "../ports/run-lock.ts";
import type { InspectFile, PeekFile } from "../ports/snapshot-inspector.ts";

/** What restoring works with; it needs neither etcd nor a configuration. */
export interface RestoreContext {
  readonly directories: DataDirectories;
  readonly inspect: InspectFile;
  readonly peek: PeekFile;
  readonly findTool: FindRestoreTool;
  /** A directory of local files as a store, to fetch into. */
  readonly localFiles: (directory: string) => ObjectStore;
  /** Keeps two restores from one data directory. */
  readonly lock: RunLock;
  readonly clock: Clock;
}
