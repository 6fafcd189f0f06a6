/** Bytes that can be read from any place in them: those of a file, or of an object by ranges. */
export interface ByteSource {
  /** Bytes in all. */
  readonly size: number;
  /** Bytes between two wanted places that are better read than skipped: the price of a request. */
  readonly gapBytes: number;
  /** Exactly `length` bytes from `offset` on. Rejects with a `BackupError` when they are not there. */
  read(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
  /** Takes bytes back that `read` gave and that nobody looks at any more. */
  recycle?(bytes: Uint8Array): void;
}
