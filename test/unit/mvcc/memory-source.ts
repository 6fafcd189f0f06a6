import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { ByteSource } from "../../../src/bolt/byte-source.ts";

interface CountedReads {
  readonly reads: { count: number; bytes: number; largest: number };
}

/** Bytes in memory as a source, which counts what is read. */
export function memorySource(bytes: Uint8Array): ByteSource & CountedReads {
  const reads = { count: 0, bytes: 0, largest: 0 };
  return {
    size: bytes.length,
    gapBytes: 64 * 1024,
    reads,
    async read(offset, length) {
      if (offset + length > bytes.length) throw new RangeError(`bytes ${offset} to ${offset + length} are not there`);
      reads.count++;
      reads.bytes += length;
      reads.largest = Math.max(reads.largest, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** A source of `size` bytes that are 0 but for the first ones. */
export function sparseSource(head: Uint8Array, size: number): ByteSource & CountedReads {
  const reads = { count: 0, bytes: 0, largest: 0 };
  return {
    size,
    gapBytes: 64 * 1024,
    reads,
    async read(offset, length) {
      reads.count++;
      reads.bytes += length;
      reads.largest = Math.max(reads.largest, length);
      const bytes = new Uint8Array(length);
      bytes.set(head.subarray(offset, offset + length));
      return bytes;
    },
  };
}

/** A snapshot that a real etcd has made. */
export function snapshotFixture(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(`../../fixtures/snapshots/${name}.db.gz`, import.meta.url)));
}
