import type { FileHandle } from "node:fs/promises";
import { BackupError } from "../errors.ts";
import type { ByteRange } from "../ports/object-store.ts";
import type { Disk } from "./disk.ts";
import { openRegular } from "./files.ts";

const CHUNK = 2 ** 20;

/** A small file's bytes, or `undefined` when there is none. */
export async function readFileWhole(path: string): Promise<Uint8Array | undefined> {
  const handle = await openRegular(path);
  try {
    return await handle?.readFile();
  } finally {
    await handle?.close();
  }
}

export interface FileRange {
  readonly disk: Disk;
  readonly path: string;
  readonly url: string;
  readonly range: ByteRange | undefined;
}

/** A file's bytes in order. Rejects with `SNAPSHOT_NOT_FOUND` when there is none. */
export async function* readRange(
  { disk, path, url, range }: FileRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const attempt = { verb: "read", target: url };
  const opened = { ...attempt, run: () => openRegular(path), undo: async (late?: FileHandle) => late?.close() };
  const handle = await disk.do(opened, signal);
  if (!handle)
    throw new BackupError("SNAPSHOT_NOT_FOUND", `Cannot read "${url}": there is no such object`, {
      hint: "`etcd-ark list` shows what there is",
    });
  try {
    const end = range ? range.end + 1 : Number.POSITIVE_INFINITY;
    for (let at = range?.start ?? 0; at < end; ) {
      const chunk = await disk.do({ ...attempt, run: () => readAt(handle, at, Math.min(CHUNK, end - at)) }, signal);
      if (chunk.byteLength === 0) return;
      yield chunk;
      at += chunk.byteLength;
    }
  } finally {
    // Not waited for: it waits itself for a read that may never come back from a dead mount.
    handle.close().catch(() => undefined);
  }
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
