/** Room on a local disk for bytes that came faster than a store takes them. */
export interface Spool {
  /** Opens an empty queue for one run. Nothing of it outlives the process. Rejects with a `STORE_…` error. */
  open(signal: AbortSignal): Promise<SpoolQueue>;
}

/** Bytes on disk, first in, first out. One `append` and one `take` may be under way at the same time. */
export interface SpoolQueue extends AsyncDisposable {
  /** Bytes that wait to be taken. */
  readonly size: number;
  /** Bytes that can be appended now. */
  readonly room: number;
  /** Adds a chunk of at most `room` bytes. Rejects with `STORE_FULL` when the disk has less after all; then nothing was added. */
  append(chunk: Uint8Array): Promise<void>;
  /** Takes the oldest bytes, at most `limit`; empty only when the queue is. */
  take(limit: number): Promise<Uint8Array>;
}
