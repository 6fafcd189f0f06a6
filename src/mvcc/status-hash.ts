import type { Slice } from "../bolt/page-check.ts";
import { combineCrc32c, crc32c } from "./crc32c.ts";

const encoder = new TextEncoder();

/** The hash of `snapshot status`: of each bucket's name and its rows (etcdutl `snapshot/v3_snapshot.go` Status). */
export class StatusHash {
  #hash = 0;

  get hash(): number {
    return this.#hash;
  }

  addBucket(name: string): void {
    const bytes = encoder.encode(name);
    this.#hash = crc32c(this.#hash, { bytes, start: 0, end: bytes.length });
  }

  /** Keys and values in turn, one right behind the other. */
  addRows(rows: Slice): void {
    this.#hash = crc32c(this.#hash, rows);
  }

  /** Rows of which the checksum is known. */
  add(sum: number, length: number): void {
    this.#hash = combineCrc32c(this.#hash, sum, length);
  }
}
