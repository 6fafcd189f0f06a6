import { BackupError, type ErrorCode } from "../errors.ts";

/** What scripts and systemd see. `docs/exit-codes.md` explains each; a new error code needs a number here. */
const EXIT_CODE = {
  DOCTOR_FAILED: 1,
  USAGE: 2,
  FOLLOW_UP_FAILED: 3,
  CONFIG_INVALID: 10,
  IDENTITY_MISMATCH: 10,
  TOOL_FAILED: 10,
  CREDENTIALS_MISSING: 11,
  CREDENTIALS_INVALID: 11,
  CREDENTIALS_REJECTED: 11,
  ETCD_UNAVAILABLE: 12,
  ETCD_REFUSED: 12,
  ETCD_STREAM_BROKEN: 12,
  ETCD_HELD_TOO_LONG: 12,
  STORE_UNAVAILABLE: 13,
  STORE_REFUSED: 13,
  STORE_UPLOAD_LOST: 13,
  STORE_FULL: 13,
  STORE_CONFLICT: 13,
  COPY_MISSING: 13,
  SNAPSHOT_NOT_FOUND: 14,
  SNAPSHOT_CORRUPT: 15,
  SNAPSHOT_SUSPECT: 15,
  ALREADY_RUNNING: 16,
  INTERRUPTED: 130,
} as const satisfies Record<ErrorCode, number>;

/** The exit status for whatever a command ended with: anything that is not a `BackupError` is a bug, and 1. */
export function exitCodeOf(error: unknown): number {
  return error instanceof BackupError ? EXIT_CODE[error.code] : 1;
}
