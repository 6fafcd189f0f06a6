import { createHash } from "node:crypto";
import { TRAILER_BYTES } from "../model/manifest.ts";

/** The digests of a snapshot's bytes, in hexadecimal. */
export interface SnapshotDigests {
  /** Of the database: all bytes but the digest at their end. */
  readonly sha256: string;
  /** What etcd has put there, which is to be the same. */
  readonly trailer: string;
  /** Of all bytes. */
  readonly snapshotSha256: string;
}

/** Hashes a snapshot of known size as it passes. One SHA-256 pass serves both digests, since it can be copied where etcd's ends. */
export class SnapshotDigest {
  readonly #hash = createHash("sha256");
  readonly #bodySize: number;
  readonly #trailer = new Uint8Array(TRAILER_BYTES);
  #position = 0;

  constructor(snapshotSize: number) {
    this.#bodySize = snapshotSize - TRAILER_BYTES;
  }

  /** Bytes that have come. */
  get position(): number {
    return this.#position;
  }

  write(bytes: Uint8Array): void {
    const body = Math.min(bytes.length, Math.max(0, this.#bodySize - this.#position));
    if (body > 0) this.#hash.update(body === bytes.length ? bytes : bytes.subarray(0, body));
    if (body < bytes.length) this.#writeTrailer(bytes.subarray(body));
    this.#position += bytes.length;
  }

  /** Means something only if as many bytes have come as the snapshot has. */
  finish(): SnapshotDigests {
    return {
      sha256: this.#hash.copy().digest("hex"),
      trailer: Buffer.from(this.#trailer).toString("hex"),
      snapshotSha256: this.#hash.update(this.#trailer).digest("hex"),
    };
  }

  #writeTrailer(bytes: Uint8Array): void {
    const offset = Math.max(0, this.#position - this.#bodySize);
    // Too long a stream is for the caller to see; here it must only not overflow.
    this.#trailer.set(bytes.subarray(0, Math.max(0, TRAILER_BYTES - offset)), Math.min(offset, TRAILER_BYTES));
  }
}
