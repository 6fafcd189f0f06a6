import type { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";

/** What a bucket does with objects that are written without a lock of their own. */
export type LockDefault =
  /** Nothing in it can be locked. */
  | { readonly state: "absent" }
  /** Objects can be locked, and are not unless it is asked for. */
  | { readonly state: "optional" }
  | { readonly state: "default"; readonly mode: "GOVERNANCE" | "COMPLIANCE"; readonly days: number };

export type Versioning = "Enabled" | "Suspended" | "none";

/**
 * - `held`: a write whose condition is not met is refused, one whose condition is met is done.
 * - `ignored`: the condition has no effect.
 * - `unusable`: a write is refused although its condition is met, or any with a condition is.
 */
export type ConditionOutcome = "held" | "ignored" | "unusable";

/** How a lock that a multipart upload asks for comes about: with the upload, by a request of its own, or not at all. */
export type LockOutcome = "kept" | "setAfterwards" | "dropped";

/**
 * The store's bucket, looked at in S3's own terms. Every method rejects with a `BackupError`, or with `signal.reason`;
 * what the key may not do is `STORE_REFUSED` with a hint that names the permission. Requests are retried a little:
 * callers set a bound.
 */
export interface BucketProbe extends AsyncDisposable {
  /** `s3://bucket/folder/`. */
  readonly url: string;
  /** Where requests go, and how the bucket is named there. */
  readonly endpoint: string;
  readonly addressing: "path" | "virtual";

  /** What went wrong last, while it is being tried again. */
  trouble(): BackupError | undefined;
  /** By how many milliseconds the service's clock is ahead of this machine's, as its last answer told. */
  skewMs(): number | undefined;
  /** What the store found out by itself, such as another region. */
  warnings(): readonly string[];

  /** Resolves when bucket and key are known there; also when listing is denied, which `list` tells. */
  reach(signal: AbortSignal): Promise<void>;
  /** Whether the other addressing works as well; `undefined` where the endpoint's host is an address. */
  reachOtherwise(signal: AbortSignal): Promise<boolean | undefined>;
  /** Lists the first key below `prefix`. */
  list(prefix: ObjectKey, signal: AbortSignal): Promise<void>;

  versioning(signal: AbortSignal): Promise<Versioning>;
  lockDefault(signal: AbortSignal): Promise<LockDefault>;
  /** After how many days a rule ends unfinished uploads below `prefix`; `undefined` if none does. */
  daysToAbort(prefix: ObjectKey, signal: AbortSignal): Promise<number | undefined>;

  /** Objects and uploads below `prefix` that are there only to see what the service does. Nothing is written yet. */
  canary(prefix: ObjectKey): Canary;
}

/** Disposing of it removes everything that it wrote, by version, as far as that is possible. */
export interface Canary extends AsyncDisposable {
  /** Deletes a key that does not exist. Rejects when deleting is not allowed. */
  mayDelete(signal: AbortSignal): Promise<void>;
  /** Deletes a version that does not exist. Rejects when that is not allowed, so that a version would remain. */
  mayDeleteVersion(signal: AbortSignal): Promise<void>;

  /** Writes the object. Resolves to whether the bucket made a version of it. */
  put(signal: AbortSignal): Promise<{ readonly isVersion: boolean }>;
  /** Whether the object reads back as it was written. */
  get(signal: AbortSignal): Promise<boolean>;
  /** Whether a part of it does. */
  getRange(signal: AbortSignal): Promise<boolean>;
  /** Whether a listing shows it. */
  isListed(signal: AbortSignal): Promise<boolean>;
  /** Deletes it as `prune` does. Resolves to whether it is gone from sight. */
  delete(signal: AbortSignal): Promise<boolean>;

  /** Writes an object in parts, with the encryption, class and tags of a snapshot. */
  multipart(signal: AbortSignal): Promise<void>;
  /** Begins an upload, finds it among the unfinished, aborts it. Resolves to whether it was there and is gone. */
  abort(signal: AbortSignal): Promise<boolean>;
  /** Whether the service refuses a part whose CRC32 is wrong. */
  refusesWrongChecksum(signal: AbortSignal): Promise<boolean>;

  /** Creates an object twice, with `If-None-Match: *`. */
  createTwice(signal: AbortSignal): Promise<ConditionOutcome>;
  /** Replaces an object with `If-Match`, then again by the ETag that it no longer has. */
  swapStale(signal: AbortSignal): Promise<ConditionOutcome>;
  /** Uploads in parts with a GOVERNANCE lock of some seconds. */
  lockMultipart(signal: AbortSignal): Promise<LockOutcome>;

  /** Removes everything. Resolves to what is still there: an object's URL and version, with until when it is locked. */
  remove(signal: AbortSignal): Promise<readonly Leftover[]>;
}

/** Something of a canary's that could not be removed. */
export interface Leftover {
  readonly key: ObjectKey;
  readonly what: string;
  /** The command that removes it. */
  readonly command: string;
}
