import { type FileHandle, mkdir } from "node:fs/promises";
import type { Scratch, ScratchFile } from "../ports/scratch.ts";
import { storeError } from "./errors.ts";
import { writeAll } from "./files.ts";
import { refuseBelow } from "./free-space.ts";
import { toLocalFile } from "./local-file.ts";
import { openUnlinked } from "./unlinked.ts";

/** As much as a spool leaves: the kubelet evicts pods at 15 %. */
const LEFT_FREE = { share: 0.2 };

/** Scratch files in `directory`: of mode 0600, and unlinked at once, so that they vanish with the process however it ends. */
export function createScratch(directory: string): Scratch {
  const attempt = { verb: "write a scratch file into", target: directory };
  return {
    open: async (size, signal) => {
      signal.throwIfAborted();
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        await refuseBelow(LEFT_FREE, { path: directory, url: directory, bytes: size });
        return toScratchFile(await openUnlinked(directory, "scratch"), directory);
      } catch (error) {
        throw storeError(attempt, error);
      }
    },
  };
}

function toScratchFile(handle: FileHandle, path: string): ScratchFile {
  let written = 0;
  return Object.assign(toLocalFile({ handle, path, size: () => written }), {
    append: async (chunk: Uint8Array, signal: AbortSignal): Promise<void> => {
      signal.throwIfAborted();
      await writeAll(handle, [chunk]).catch((error: unknown) => {
        throw storeError({ verb: "write a scratch file into", target: path }, error);
      });
      written += chunk.byteLength;
    },
  });
}
