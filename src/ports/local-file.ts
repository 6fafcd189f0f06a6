/** A file of this machine, open to be read. */
export interface LocalFile extends AsyncDisposable {
  /** Bytes, when it was opened. */
  readonly size: number;
  /** Fills `target` with the bytes from `offset` on. Rejects with `STORE_UNAVAILABLE` when there are not so many. */
  read(target: Uint8Array, offset: number, signal: AbortSignal): Promise<void>;
}

/** Opens a regular file. Rejects with `SNAPSHOT_NOT_FOUND` when there is none, or with another `BackupError`. */
export type OpenLocalFile = (path: string, signal: AbortSignal) => Promise<LocalFile>;
