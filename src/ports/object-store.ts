import type { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { Instant } from "../model/time.ts";

/** An object as the store reports it. */
export interface StoredObject {
  readonly key: ObjectKey;
  /** Bytes. */
  readonly size: number;
  /** By the store's own clock (S3: Last-Modified, of a second's resolution). */
  readonly storedAt: Instant;
  readonly etag?: string;
  readonly versionId?: string;
  /** Until when the store refuses to delete this version, as the store itself reports it. */
  readonly lock?: ObjectLock;
  /** User metadata, in lower case. Only from `head` and from `ObjectWriter.complete`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ObjectLock {
  readonly mode: "GOVERNANCE" | "COMPLIANCE";
  readonly until: Instant;
}

export interface WriteOptions {
  /** Bytes to expect, or 0 if unknown: a writer that sees that all fits into one request makes one. */
  readonly expectedSize: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What `complete` adds to a stored object. */
export interface WrittenObject extends StoredObject {
  /** Requests that the body took: 1 for a single PUT. */
  readonly parts: number;
}

/**
 * An object being written. It exists only once `complete` has resolved. Disposing of an object that
 * was not completed leaves nothing behind, also when the run's own signal is aborted already.
 */
export interface ObjectWriter extends AsyncDisposable {
  /** Fixes sizes of requests before the first `write`: the exact length in bytes, if known. */
  expect(size: number): void;
  /**
   * Takes the bytes, which the caller must not change afterwards. Returns a promise only when the
   * caller has to wait before it writes again; rejects when the write has failed for good.
   */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /**
   * Whether the object may be there: true from the moment the store is asked to make it appear, whatever it answered, and
   * also after disposal. Until then, however far `complete` has got, there is none.
   */
  readonly mayExist: boolean;
  /** Bytes, of all that it has taken, that the writer needs no more: the chunks up to there may be changed after all. */
  readonly doneWith?: number;
  /** Stores the last bytes, makes the object appear, and reads its size, date and lock back. */
  complete(): Promise<WrittenObject>;
}

export type CreateOutcome = "created" | "identical";

/**
 * - `deleted`: gone, as a second look has confirmed.
 * - `absent`: there was nothing.
 * - `versionKept`: hidden by a delete marker; its bytes are still there and are still paid for.
 * - `locked`: refused by an object lock.
 */
export type DeleteOutcome = "deleted" | "absent" | "versionKept" | "locked";

/** An upload that was begun and neither completed nor aborted. */
export interface UnfinishedUpload {
  readonly key: ObjectKey;
  readonly uploadId: string;
  readonly startedAt: Instant;
}

/** Bytes `start` to `end`, both included, counted from 0. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Where snapshots and their records are kept. Keys are relative to the store's folder. Every method
 * rejects with a `BackupError`, or with `signal.reason` when aborted. Requests are retried inside;
 * callers do not retry.
 */
export interface ObjectStore extends AsyncDisposable {
  /** What operators call it, and what config calls it. */
  readonly kind: "s3" | "directory" | "memory";
  /** `s3://bucket/folder/key` or `file:///dir/key`; with an empty key, the store itself. */
  url(key: ObjectKey): string;
  /** The key as others find it: with the folder in front in a bucket, below the directory in a directory. */
  fullKey(key: ObjectKey): string;
  /** Identifies bucket and folder, or directory, for locks and local state. */
  readonly id: string;

  /**
   * The time by the store's own clock, as far as its last answer told it (S3: the Date header), else by this
   * machine's. Ages of objects are told by it, since the clocks of nodes may be a day apart.
   */
  now(): Instant;

  /**
   * What went wrong last, while it is being tried again: for whoever cannot wait until it is given up. `undefined` as soon
   * as something has worked.
   */
  trouble(): BackupError | undefined;

  /** Begins an object. When this resolves, the store has accepted the start of the upload. */
  open(key: ObjectKey, options: WriteOptions, signal: AbortSignal): Promise<ObjectWriter>;

  /**
   * Writes a small object that must not exist yet. Succeeds as `identical` when the very same bytes
   * are there already, which is how a retry sees its own success; rejects with `STORE_CONFLICT`
   * when something else is.
   */
  create(
    key: ObjectKey,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ outcome: CreateOutcome; object: StoredObject }>;

  /** Writes a small object, over another if there is one. */
  replace(key: ObjectKey, body: Uint8Array, signal: AbortSignal): Promise<StoredObject>;

  /** A small object's bytes, or `undefined` when there is none. */
  get(key: ObjectKey, signal: AbortSignal): Promise<Uint8Array | undefined>;

  /** A large object's bytes in order. Rejects with `SNAPSHOT_NOT_FOUND` when there is none. */
  read(key: ObjectKey, range: ByteRange | undefined, signal: AbortSignal): AsyncIterable<Uint8Array>;

  /** Takes a chunk of `read` back, to be filled anew, from who has kept nothing of it. Nobody has to give any back. */
  recycle?(chunk: Uint8Array): void;

  head(key: ObjectKey, signal: AbortSignal): Promise<StoredObject | undefined>;

  /** Every object below `prefix` in key order; none is no error. */
  list(prefix: ObjectKey, signal: AbortSignal): AsyncIterable<StoredObject>;

  /** The folders directly below `prefix`, without it and without the slash. */
  listFolders(prefix: ObjectKey, signal: AbortSignal): AsyncIterable<string>;

  delete(key: ObjectKey, signal: AbortSignal): Promise<DeleteOutcome>;

  listUnfinished(prefix: ObjectKey, signal: AbortSignal): AsyncIterable<UnfinishedUpload>;
  /** Ends an unfinished upload and frees its parts; none of that name is no error. */
  abandon(upload: UnfinishedUpload, signal: AbortSignal): Promise<void>;
}
