import { BackupError, type ErrorCode, messageOf } from "../errors.ts";

/** What was being done when the file system answered: a verb, and the URL or path it was done to. */
export interface Attempt {
  readonly verb: string;
  readonly target: string;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly hint?: string;
}

const FULL: Meaning = {
  code: "STORE_FULL",
  detail: "no space is left",
  hint: 'Free space on that file system, lower "retention", or choose another one in the configuration',
};
const DENIED: Meaning = {
  code: "STORE_REFUSED",
  detail: "permission denied",
  hint: "Give the user that etcd-ark runs as access to it, e.g. with `chown`",
};

const broken = (detail: string): Meaning => ({
  code: "STORE_UNAVAILABLE",
  detail,
  hint: "See with `df` and `dmesg` whether the disk and the mount are sound",
});

/** The errnos of a path that cannot be what it is said to be. */
const misplaced = (detail: string): Meaning => ({
  code: "STORE_REFUSED",
  detail,
  hint: 'Name another place as "directory.path", or move away what is there',
});

// errno values as open(2), write(2), fsync(2), link(2) and rename(2) document them.
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOSPC: FULL,
  EDQUOT: { ...FULL, detail: "the quota is used up" },
  EFBIG: { ...FULL, detail: "the file system does not take files of this size" },
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: {
    code: "STORE_REFUSED",
    detail: "the file system is read-only",
    hint: "Mount it writable; under systemd, add the path as ReadWritePaths= with `systemctl edit etcd-ark`",
  },
  ELOOP: {
    code: "STORE_REFUSED",
    detail: "it is a symbolic link, which is not followed",
    hint: "Put the file itself there, or remove the link",
  },
  ENOTDIR: misplaced("a file is where a directory has to be"),
  EISDIR: misplaced("a directory is where a file has to be"),
  ENAMETOOLONG: misplaced("the name is too long for the file system"),
  EIO: broken("the disk failed to read or write"),
  ESTALE: broken("the file server has forgotten the mount"),
};

/** The errno name of whatever was thrown, e.g. `ENOENT`, or `undefined`. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** What the file system answered, as operators meet it. An error that is one already stays as it is. */
export function storeError({ verb, target }: Attempt, error: unknown): BackupError {
  if (error instanceof BackupError) return error;
  const meaning = MEANINGS[errnoOf(error) ?? ""] ?? { code: "STORE_UNAVAILABLE", detail: messageOf(error) };
  return new BackupError(meaning.code, `Cannot ${verb} "${target}": ${meaning.detail}`, {
    cause: error,
    ...(meaning.hint === undefined ? {} : { hint: meaning.hint }),
  });
}
