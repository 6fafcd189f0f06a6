import { rowsOf } from "../bolt/check-database.ts";
import { bodyStart, type PageRun } from "../bolt/page-run.ts";
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

  /** The rows of a leaf lie one behind the other, keys and values in turn. */
  addLeaf(leaf: PageRun): void {
    const start = bodyStart(leaf);
    let end = start;
    for (const { value } of rowsOf(leaf)) end = value.end;
    this.#hash = crc32c(this.#hash, { bytes: leaf.bytes, start, end });
  }

  /** Rows of which the checksum is known. */
  add(sum: number, length: number): void {
    this.#hash = combineCrc32c(this.#hash, sum, length);
  }
}
