import type { ByteSource } from "../bolt/byte-source.ts";
import { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { LocalFile } from "../ports/local-file.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { BufferPool } from "./buffer-pool.ts";

/** Reading on costs less than another system call. */
const FILE_GAP_BYTES = 64 * 1024;
/** What a connection brings within the time of one more request. */
const OBJECT_GAP_BYTES = 256 * 1024;

export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    gapBytes: 0,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}

/** A file, whose bytes are read into the same few buffers again and again: new ones would fill memory until they are found dead. */
export function fileSource(file: LocalFile): ByteSource {
  const buffers = new BufferPool();
  return {
    size: file.size,
    gapBytes: FILE_GAP_BYTES,
    read: async (offset, length, signal) => {
      const bytes = buffers.take(length);
      await file.read(bytes, offset, signal);
      return bytes;
    },
    recycle: (bytes) => buffers.give(bytes),
  };
}

/** An object, read by ranges. */
export function objectSource(store: ObjectStore, { key, size }: { key: ObjectKey; size: number }): ByteSource {
  return {
    size,
    gapBytes: OBJECT_GAP_BYTES,
    read: async (offset, length, signal) => {
      const bytes = new Uint8Array(length);
      let filled = 0;
      for await (const chunk of store.read(key, { start: offset, end: offset + length - 1 }, signal)) {
        if (filled + chunk.length > length) break;
        bytes.set(chunk, filled);
        filled += chunk.length;
      }
      if (filled !== length) throw changed(store.url(key));
      return bytes;
    },
  };
}

function changed(url: string): BackupError {
  return new BackupError("STORE_CONFLICT", `Cannot read "${url}": it was replaced or removed meanwhile`, {
    hint: "Verify it again, and find out who writes to this folder",
  });
}
