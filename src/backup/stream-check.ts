import { RevisionIndex } from "../bolt/stream-index.ts";
import { BackupError } from "../errors.ts";
import type { Revision } from "../model/manifest.ts";
import { SnapshotDigest } from "./snapshot-digest.ts";

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
 * exact revision on the way.
 */
export class StreamCheck {
  readonly #digest: SnapshotDigest;
  readonly #index = new RevisionIndex();
  readonly #snapshotSize: number;

  constructor(snapshotSize: number) {
    this.#digest = new SnapshotDigest(snapshotSize);
    this.#snapshotSize = snapshotSize;
  }

  /** Bytes that have come. */
  get position(): number {
    return this.#digest.position;
  }

  write(blob: Uint8Array): void {
    this.#digest.write(blob);
    this.#index.write(blob);
  }

  /** Rejects with `SNAPSHOT_CORRUPT` unless the bytes have the length and the digest that etcd said. */
  finish(): CheckedStream {
    const missing = this.#snapshotSize - this.position;
    if (missing !== 0)
      throw corrupt(
        `${this.position} bytes came, ${Math.abs(missing)} ${missing > 0 ? "less" : "more"} than announced`,
      );
    const { sha256, trailer, snapshotSha256 } = this.#digest.finish();
    if (sha256 !== trailer) throw corrupt(`its SHA-256 is ${sha256}, etcd's digest says ${trailer}`);
    const { revision, storageVersion } = this.#index.finish();
    return { sha256, snapshotSha256, revision, storageVersion };
  }
}

function corrupt(detail: string): BackupError {
  return new BackupError("SNAPSHOT_CORRUPT", `Cannot use the snapshot that etcd sent: ${detail}`, {
    hint: "If it happens again, check the disk and memory of that etcd member",
  });
}
