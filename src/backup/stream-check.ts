import { createHash, type Hash } from "node:crypto";
import { RevisionIndex } from "../bolt/stream-index.ts";
import { BackupError } from "../errors.ts";
import { type Revision, TRAILER_BYTES } from "../model/manifest.ts";

export interface CheckedStream {
  /** etcd's own digest, which the bytes before it were found to have. */
  readonly sha256: string;
  /** Of all bytes, the digest included. */
  readonly snapshotSha256: string;
  readonly revision: Revision;
  /** As etcd from 3.6 on writes it into the database; else empty. */
  readonly storageVersion: string;
}

/**
 * Reads along with a snapshot stream: hashes it, holds it against the digest at its end, and finds the
 * exact revision on the way. One SHA-256 pass serves both digests, since it can be copied where etcd's ends.
 */
export class StreamCheck {
  readonly #hash = createHash("sha256");
  readonly #index = new RevisionIndex();
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

  write(blob: Uint8Array): void {
    const body = Math.min(blob.length, Math.max(0, this.#bodySize - this.#position));
    if (body > 0) this.#writeBody(body === blob.length ? blob : blob.subarray(0, body));
    if (body < blob.length) this.#writeTrailer(blob.subarray(body));
    this.#position += blob.length;
  }

  /** Rejects with `SNAPSHOT_CORRUPT` unless the bytes have the length and the digest that etcd said. */
  finish(): CheckedStream {
    const missing = this.#bodySize + TRAILER_BYTES - this.#position;
    if (missing !== 0)
      throw corrupt(
        `${this.#position} bytes came, ${Math.abs(missing)} ${missing > 0 ? "less" : "more"} than announced`,
      );
    const sha256 = this.#hash.copy().digest("hex");
    const trailer = Buffer.from(this.#trailer).toString("hex");
    if (sha256 !== trailer) throw corrupt(`its SHA-256 is ${sha256}, etcd's digest says ${trailer}`);
    const { revision, storageVersion } = this.#index.finish();
    return { sha256, snapshotSha256: finishWith(this.#hash, this.#trailer), revision, storageVersion };
  }

  #writeBody(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#index.write(bytes);
  }

  #writeTrailer(bytes: Uint8Array): void {
    const offset = Math.max(0, this.#position - this.#bodySize);
    // Too long a stream is reported by `finish`; here it must only not overflow.
    this.#trailer.set(bytes.subarray(0, Math.max(0, TRAILER_BYTES - offset)), Math.min(offset, TRAILER_BYTES));
  }
}

function finishWith(hash: Hash, last: Uint8Array): string {
  return hash.update(last).digest("hex");
}

function corrupt(detail: string): BackupError {
  return new BackupError("SNAPSHOT_CORRUPT", `Cannot use the snapshot that etcd sent: ${detail}`, {
    hint: "If it happens again, check the disk and memory of that etcd member",
  });
}
