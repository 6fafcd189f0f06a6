/** A directory for snapshots as it is now. */
export interface DirectoryState {
  readonly path: string;
  /** The directory, or if it does not exist the nearest one above it that does. */
  readonly nearest: string;
  /** Permission bits of `nearest`, e.g. 0o700. */
  readonly mode: number;
  /** Whether this user may create files in `nearest`. */
  readonly isWritable: boolean;
  /** Bytes that are free on the file system, and that have to stay so. */
  readonly freeBytes: number;
  readonly keepBytes: number;
}

/** Looks at the directory and writes nothing. Rejects with a `STORE_…` error, or with `signal.reason`. */
export interface DirectoryProbe {
  look(signal: AbortSignal): Promise<DirectoryState>;
}
