/**
 * What went wrong, as a stable name. An exit code hangs on each (`cli/exit-code.ts`), so a new one
 * does not compile until it has one.
 */
export type ErrorCode =
  /** The command line cannot be understood. */
  | "USAGE"
  /** A configuration or env file is missing, unreadable or wrong. */
  | "CONFIG_INVALID"
  /** The folder belongs to another cluster, or this cluster is not the one that wrote it. */
  | "IDENTITY_MISMATCH"
  /** No layer of credentials is configured. */
  | "CREDENTIALS_MISSING"
  /** A configured layer of credentials is broken; no other layer is tried. */
  | "CREDENTIALS_INVALID"
  /** The service refused the credentials: wrong key, secret, token, or expired. */
  | "CREDENTIALS_REJECTED"
  /** No etcd member answers, or none may be read from. */
  | "ETCD_UNAVAILABLE"
  /** etcd answered and said no: certificate, user, password, role. */
  | "ETCD_REFUSED"
  /** The snapshot stream broke off, stalled, or ended without being whole. */
  | "ETCD_STREAM_BROKEN"
  /** The stream was ended by us, because holding it open any longer would let the database grow. */
  | "ETCD_HELD_TOO_LONG"
  /** The store does not answer, or keeps failing. */
  | "STORE_UNAVAILABLE"
  /** The store answered and said no: access denied, no such bucket, object locked. */
  | "STORE_REFUSED"
  /** The store no longer knows an upload that was under way: aborted by others, or another account's by now. */
  | "STORE_UPLOAD_LOST"
  /** No room is left in the store. */
  | "STORE_FULL"
  /** A create-only write met an object that holds something else. */
  | "STORE_CONFLICT"
  /** One of several copies is missing. */
  | "COPY_MISSING"
  | "SNAPSHOT_NOT_FOUND"
  /** The bytes are not what etcd's digest or the manifest says. */
  | "SNAPSHOT_CORRUPT"
  /** History looks wrong, so the operation stops before it makes things worse. */
  | "SNAPSHOT_SUSPECT"
  /** Another process of this node holds the lock. */
  | "ALREADY_RUNNING"
  /** A program that does a part of the work (etcdutl) failed. */
  | "TOOL_FAILED"
  /** The backup is stored, but a later step (prune, verify) failed. */
  | "FOLLOW_UP_FAILED"
  /** `doctor` has found something that keeps backups from working. */
  | "DOCTOR_FAILED"
  /** Stopped by a signal. */
  | "INTERRUPTED";

export interface BackupErrorOptions {
  /** What to do about it: a command to run or a key to change, as a sentence without a full stop. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The only error that operators meet. The message says what could not be done ("Cannot …", values
 * quoted, detail after a colon, no full stop). Anything else that reaches the top is a bug.
 */
export class BackupError extends Error {
  override readonly name = "BackupError" as const;
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: BackupErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** Whether `error` is a `BackupError`, of one of `codes` if any are given. */
export function isBackupError(error: unknown, ...codes: ErrorCode[]): error is BackupError {
  return error instanceof BackupError && (codes.length === 0 || codes.includes(error.code));
}

/** The message of whatever was thrown, for the detail after a colon. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
