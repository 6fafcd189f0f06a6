import { createHash } from "node:crypto";
import { TRAILER_BYTES } from "../model/manifest.ts";

/** Hashes a snapshot of unknown size as it passes: its last 32 bytes are held back, since they may be etcd's digest. */
export class TailDigest {
  readonly #hash = createHash("sha256");
  #held = Buffer.alloc(0);
  #size = 0;

  /** Bytes that have come. */
  get size(): number {
    return this.#size;
  }

  write(chunk: Uint8Array): void {
    this.#size += chunk.length;
    const all = Buffer.concat([this.#held, chunk.subarray(-TRAILER_BYTES)]);
    if (chunk.length >= TRAILER_BYTES) {
      this.#hash.update(this.#held);
      this.#hash.update(chunk.subarray(0, -TRAILER_BYTES));
      this.#held = Buffer.from(chunk.subarray(-TRAILER_BYTES));
    } else {
      const surplus = Math.max(0, all.length - TRAILER_BYTES);
      this.#hash.update(all.subarray(0, surplus));
      this.#held = all.subarray(surplus);
    }
  }

  /** In hexadecimal: of all but the last 32 bytes, and those. */
  finish(): { readonly sha256: string; readonly trailer: string } {
    return { sha256: this.#hash.digest("hex"), trailer: this.#held.toString("hex") };
  }
}
