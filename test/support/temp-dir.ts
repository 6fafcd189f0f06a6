import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disownDirectory, ownDirectory } from "./supervisor.ts";

/** A directory of mode 0700 that is removed on disposal, and when this process dies. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** Makes a fresh directory below the system's temporary one. */
export async function tempDir(prefix = "etcd-ark-test-"): Promise<TempDir> {
  const path = await mkdtemp(join(await realpath(tmpdir()), prefix));
  ownDirectory(path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
      disownDirectory(path);
    },
  };
}
