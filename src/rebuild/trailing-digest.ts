import { createHash } from "node:crypto";
import { TRAILER_BYTES } from "../model/manifest.ts";

/** Hashes a snapshot of unknown size: what has come last is held back, since it may be etcd's digest. */
export class TrailingDigest {
  readonly #hash = createHash("sha256");
  #last: Uint8Array = new Uint8Array(0);
  #size = 0;

  /** Bytes that have come. */
  get size(): number {
    return this.#size;
  }

  write(bytes: Uint8Array): void {
    this.#size += bytes.length;
    const joined = bytes.length < TRAILER_BYTES ? Buffer.concat([this.#last, bytes]) : bytes;
    if (joined === bytes) this.#hash.update(this.#last);
    const end = Math.max(0, joined.length - TRAILER_BYTES);
    this.#hash.update(joined.subarray(0, end));
    // Copied, so that a whole chunk is not kept for its end.
    this.#last = Uint8Array.from(joined.subarray(end));
  }

  /** In hexadecimal: of the database, what stands behind it, and of all bytes. */
  finish(): { readonly sha256: string; readonly trailer: string; readonly snapshotSha256: string } {
    const sha256 = this.#hash.copy().digest("hex");
    const trailer = Buffer.from(this.#last).toString("hex");
    return { sha256, trailer, snapshotSha256: this.#hash.update(this.#last).digest("hex") };
  }
}
