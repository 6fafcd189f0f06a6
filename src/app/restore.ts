import { createDataDirectories } from "../data-directory/data-directories.ts";
import { createDirectoryStore } from "../directory/directory-store.ts";
import { createRunLock } from "../locks/abstract-socket.ts";
import { createFindRestoreTool, type EtcdToolsOptions } from "../programs/etcd-tools.ts";
import type { RestoreContext } from "../restore/context.ts";
import { inspectFile, peekFile } from "./inspect-file.ts";
import { systemClock } from "./system-clock.ts";

/** Wires what restoring needs, for which no configuration has to be there. */
export function createRestoreContext(options: EtcdToolsOptions): RestoreContext {
  return {
    directories: createDataDirectories({ clock: systemClock }),
    inspect: inspectFile,
    peek: peekFile,
    findTool: createFindRestoreTool(options),
    localFiles: (path) => createDirectoryStore({ path, minFree: "0%", clock: systemClock }),
    lock: createRunLock({ clock: systemClock }),
    clock: systemClock,
  };
}
