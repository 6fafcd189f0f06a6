import type { LocalFile } from "./local-file.ts";

/** Room on a local disk for bytes that have to be read in another order than they come. */
export interface Scratch {
  /**
   * Creates a file for `size` bytes. Nothing of it outlives the process. Rejects with `STORE_FULL` when the disk has not so
   * much to spare.
   */
  open(size: number, signal: AbortSignal): Promise<ScratchFile>;
}

/** A file that is written first and read then. */
export interface ScratchFile extends LocalFile {
  append(chunk: Uint8Array, signal: AbortSignal): Promise<void>;
}
