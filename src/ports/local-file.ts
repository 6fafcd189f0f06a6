/** A file of this machine, open to be read. */
export interface LocalFile extends AsyncDisposable {
  /** Bytes, when it was opened. */
  readonly size: number;
  /** Exactly `length` bytes from `offset` on. Rejects with `STORE_UNAVAILABLE` when they are not there. */
  read(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** Opens a regular file. Rejects with `SNAPSHOT_NOT_FOUND` when there is none, or with another `BackupError`. */
export type OpenLocalFile = (path: string, signal: AbortSignal) => Promise<LocalFile>;
