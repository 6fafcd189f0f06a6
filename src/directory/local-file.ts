import { type FileHandle, open } from "node:fs/promises";
import { BackupError } from "../errors.ts";
import type { LocalFile, OpenLocalFile } from "../ports/local-file.ts";
import { storeError } from "./errors.ts";
import { orUndefined } from "./files.ts";

/** Opens a file wherever it is; unlike one of a store, it may be a symbolic link. */
export const openLocalFile: OpenLocalFile = async (path) => {
  const attempt = { verb: "read", target: path };
  try {
    const handle = await orUndefined(open(path, "r"));
    if (handle === undefined) throw missing(path, "there is no such file");
    const found = await handle.stat();
    if (found.isFile()) return toLocalFile({ handle, path, size: () => found.size });
    await handle.close();
    throw missing(path, "it is no file");
  } catch (error) {
    throw storeError(attempt, error);
  }
};

/** What a file is read through. */
interface OpenFile {
  readonly handle: FileHandle;
  readonly path: string;
  readonly size: () => number;
}

/**
 * An open file as the port has it. A page at a time is read, a quarter of a million of them in a GiB: so each read goes
 * without a guard of its own, unlike those of a store.
 */
export function toLocalFile({ handle, path, size }: OpenFile): LocalFile {
  return {
    get size() {
      return size();
    },
    read: async (target, offset, signal) => {
      signal.throwIfAborted();
      await fill(target, { handle, path, offset });
    },
    [Symbol.asyncDispose]: async () => handle.close(),
  };
}

interface Place {
  readonly handle: FileHandle;
  readonly path: string;
  readonly offset: number;
}

async function fill(target: Uint8Array, { handle, path, offset }: Place): Promise<void> {
  try {
    for (let done = 0; done < target.length; ) {
      const { bytesRead } = await handle.read(target, done, target.length - done, offset + done);
      if (bytesRead === 0) throw cutShort(path);
      done += bytesRead;
    }
  } catch (error) {
    throw storeError({ verb: "read", target: path }, error);
  }
}

function cutShort(path: string): BackupError {
  return new BackupError("STORE_UNAVAILABLE", `Cannot read "${path}": it became shorter while it was read`, {
    hint: "Find out who writes to it, and try again",
  });
}

function missing(path: string, why: string): BackupError {
  return new BackupError("SNAPSHOT_NOT_FOUND", `Cannot read "${path}": ${why}`, {
    hint: "Check the path; `etcd-ark list` shows the names of stored snapshots",
  });
}
