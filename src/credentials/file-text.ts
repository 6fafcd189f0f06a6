import { constants, type Stats } from "node:fs";
import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { BackupError, messageOf } from "../errors.ts";
import type { Instant } from "../model/time.ts";

/** A file as one read found it. */
export type FileText =
  | { readonly kind: "absent"; readonly path: string }
  | { readonly kind: "unusable"; readonly path: string; readonly error: BackupError }
  | {
      readonly kind: "text";
      readonly path: string;
      readonly text: string;
      readonly changedAt: Instant;
      /** Whether group or others may read it. */
      readonly exposed: boolean;
    };

/** Far above any file of credentials; a mistaken path is not read into memory. */
const sizeLimit = 1024 * 1024;

/** Reads a file of secrets; never rejects. A file or directory that everyone may write to is unusable. */
export async function readFileText(path: string): Promise<FileText> {
  try {
    // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return await readOpened(path, file);
  } catch (error) {
    return failed(path, error);
  }
}

async function readOpened(path: string, file: FileHandle): Promise<FileText> {
  const stats = await file.stat();
  if (!stats.isFile()) throw unusable(path, "it is not a file", "Name a file");
  if (stats.size > sizeLimit) throw unusable(path, "it is larger than 1 MiB", "Name a file of credentials");
  if (stats.mode & 0o002) throw openToAll(path, stats, `Run "chmod 600 ${path}"`);
  await requireSafeDirectories(path);
  return {
    kind: "text",
    path,
    text: await file.readFile("utf8"),
    changedAt: stats.mtimeMs,
    exposed: (stats.mode & 0o077) !== 0,
  };
}

/**
 * Whoever may write to the directory may put another file in place of this one, unless the sticky bit
 * forbids it, as on /tmp and on Kubernetes' secret volumes.
 */
async function requireSafeDirectories(path: string): Promise<void> {
  for (const directory of new Set([dirname(path), dirname(await realpath(path))])) {
    const stats = await stat(directory);
    if (stats.mode & 0o002 && !(stats.mode & 0o1000)) throw openToAll(directory, stats, `Run "chmod o-w ${directory}"`);
  }
}

function openToAll(path: string, stats: Stats, hint: string): BackupError {
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, "0");
  return new BackupError("CREDENTIALS_INVALID", `Cannot trust "${path}": everyone may write to it (mode ${mode})`, {
    hint,
  });
}

function failed(path: string, error: unknown): FileText {
  if (error instanceof BackupError) return { kind: "unusable", path, error };
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent", path };
  if (code === "EACCES" || code === "EPERM") {
    const hint = `Let the user of this process read it; "namei -l ${path}" shows who may`;
    return { kind: "unusable", path, error: unusable(path, "permission denied", hint) };
  }
  return { kind: "unusable", path, error: unusable(path, messageOf(error), "Check the path") };
}

function unusable(path: string, detail: string, hint: string): BackupError {
  return new BackupError("CREDENTIALS_INVALID", `Cannot read "${path}": ${detail}`, { hint });
}
