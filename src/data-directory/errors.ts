import { BackupError, type ErrorCode, messageOf } from "../errors.ts";

interface Meaning {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly hint: string;
}

const DENIED: Meaning = {
  code: "STORE_REFUSED",
  detail: "permission denied",
  hint: "Run it as root, or as the user who may write there",
};
const TAKEN: Meaning = {
  code: "STORE_CONFLICT",
  detail: "something has come there meanwhile",
  hint: "Find out what has written there; nothing of it was changed",
};
const FULL: Meaning = { code: "STORE_FULL", detail: "no space is left", hint: "Free space on that file system" };

// errno values as rename(2), mkdir(2) and open(2) document them.
const MEANINGS: Readonly<Record<string, Meaning>> = {
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: { code: "STORE_REFUSED", detail: "the file system is read-only", hint: "Mount it writable" },
  ENOTEMPTY: TAKEN,
  EEXIST: TAKEN,
  EBUSY: {
    code: "STORE_REFUSED",
    detail: "it is in use, as a mount point is",
    hint: "Restore into a directory below it",
  },
  ENOTDIR: {
    code: "STORE_CONFLICT",
    detail: "a file is where a directory has to be",
    hint: "Name another directory",
  },
  ENOSPC: FULL,
  EDQUOT: FULL,
};

/** The errno name of whatever was thrown, or `undefined`. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** What the file system answered, as operators meet it. */
export function directoryError(verb: string, path: string, error: unknown): BackupError {
  const meaning = MEANINGS[errnoOf(error) ?? ""] ?? {
    code: "STORE_UNAVAILABLE",
    detail: messageOf(error),
    hint: "See with `df` and `dmesg` whether the disk and the mount are sound",
  };
  return new BackupError(meaning.code, `Cannot ${verb} "${path}": ${meaning.detail}`, {
    hint: meaning.hint,
    cause: error,
  });
}
