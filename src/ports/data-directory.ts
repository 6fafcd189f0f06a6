/** Where a directory of etcd's is to appear. */
export interface Place {
  /** Absolute, links resolved. */
  readonly path: string;
  /** `unfinished`: put in place by `publish` as such, and never finished. */
  readonly state: "absent" | "empty" | "occupied" | "unfinished";
  /** A mount point cannot be replaced by rename(2). */
  readonly isMountPoint: boolean;
  /** The process that holds the lock of `member/snap/db`, as a running etcd does; 0 when it is in another container. */
  readonly lockedBy: number | undefined;
  /** Free bytes of the file system that the directory would be on, for the user that runs this. */
  readonly freeBytes: number;
  /** Tells file systems apart. */
  readonly fileSystem: string;
}

/** A directory of mode 0700 beside a place, so that rename(2) from one to the other is atomic. Disposal removes it. */
export interface Workspace extends AsyncDisposable {
  readonly path: string;
  /**
   * Makes the directory `name` of the workspace and all in it durable, and gives it the place's path in one step, over
   * nothing or over an empty directory, whose owner it takes over. Rejects with `STORE_CONFLICT`, and has changed
   * nothing, when something has come there meanwhile.
   */
  publish(name: string, place: Place, as: "whole" | "unfinished"): Promise<void>;
  /** Takes what was published back into the workspace, with which it goes. */
  takeBack(name: string, place: Place): Promise<void>;
}

/** What a restore that was killed has left beside a place. */
export interface Leftovers {
  readonly removed: readonly string[];
  /** Too fresh to tell from one that is at work. */
  readonly left: readonly string[];
}

/** Data directories and WAL directories of etcd on this machine. Rejects with a `STORE_…` error. */
export interface DataDirectories {
  look(path: string): Promise<Place>;
  /** Makes an empty workspace beside the place. */
  workspaceBeside(place: Place): Promise<Workspace>;
  /** What was published as unfinished is whole now. */
  finish(place: Place): Promise<void>;
  /** Removes a directory that was published as unfinished; any other is refused with `STORE_CONFLICT`. */
  removeUnfinished(place: Place): Promise<void>;
  /** Removes workspaces in which nothing has happened for an hour. Never rejects. */
  removeLeftovers(place: Place): Promise<Leftovers>;
}
