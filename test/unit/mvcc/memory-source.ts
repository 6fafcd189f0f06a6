import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { ByteSource } from "../../../src/bolt/byte-source.ts";

/** Bytes in memory as a source, which counts what is read. */
export function memorySource(bytes: Uint8Array): ByteSource & { readonly reads: { count: number; bytes: number } } {
  const reads = { count: 0, bytes: 0 };
  return {
    size: bytes.length,
    gapBytes: 64 * 1024,
    reads,
    async read(offset, length) {
      if (offset + length > bytes.length) throw new RangeError(`bytes ${offset} to ${offset + length} are not there`);
      reads.count++;
      reads.bytes += length;
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** A snapshot that a real etcd has made. */
export function snapshotFixture(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(`../../fixtures/snapshots/${name}.db.gz`, import.meta.url)));
}
