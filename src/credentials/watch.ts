import { basename, dirname, join } from "node:path";
import { watch as chokidarWatch } from "chokidar";

/** As much of chokidar as is used here. */
export type WatchFunction = (
  paths: string[],
  options: { ignoreInitial: boolean; depth?: number; ignored?: (path: string) => boolean },
) => {
  on(event: "all", listener: () => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  close(): Promise<void>;
};

export interface WatchListeners {
  /** Something happened to one of the files, or may have. */
  onHint(): void;
  /** The kernel refuses to watch, e.g. ENOSPC or EMFILE: hints may be missing from now on. */
  onBroken(error: unknown): void;
}

/**
 * Watches the files in two ways at once, since neither sees everything (chokidar 6): by their own paths,
 * which sees writes, renames and directories that appear later, and by the directories above them, which
 * sees a directory renamed and the swap of Kubernetes' `..data` link. Directories are watched for those
 * names alone: one above is HOME, with everything in it.
 */
export function watchFiles(
  paths: readonly string[],
  { onHint, onBroken }: WatchListeners,
  watch: WatchFunction = chokidarWatch,
): AsyncDisposable {
  const directories = [...new Set(paths.flatMap((path) => [dirname(path), dirname(dirname(path))]))];
  const names = new Set([...paths, ...directories, ...paths.map((path) => join(dirname(path), "..data"))]);
  const ignored = (path: string): boolean => !names.has(path) && basename(path) !== "..data";
  const watchers = [
    watch([...paths], { ignoreInitial: true }),
    watch(directories, { ignoreInitial: true, depth: 0, ignored }),
  ];
  for (const watcher of watchers) {
    watcher.on("all", onHint);
    watcher.on("error", onBroken);
  }
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(watchers.map((watcher) => watcher.close()));
    },
  };
}
