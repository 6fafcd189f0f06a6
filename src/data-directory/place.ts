import { lstat, readdir, readFile, realpath, stat, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BackupError } from "../errors.ts";
import type { Place } from "../ports/data-directory.ts";
import { directoryError, errnoOf } from "./errors.ts";
import { lockHolder } from "./lock-holder.ts";

/** Marks a directory that is of no use by itself. etcd takes no notice of it: in a WAL directory it passes over `.tmp`. */
export const UNFINISHED = "etcd-ark-restore.tmp";

/**
 * Whether a directory bears the mark, and nothing in it has changed since. A kill may have kept the mark from being taken
 * away; but once etcd has started on a WAL it writes to it.
 */
export async function isUnfinished(path: string): Promise<boolean> {
  const mark = await lstat(join(path, UNFINISHED)).catch(() => undefined);
  if (!mark) return false;
  const names = await readdir(path, { recursive: true });
  const changes = await Promise.all(names.map(async (name) => (await lstat(join(path, name))).mtimeMs));
  return Math.max(...changes) <= mark.mtimeMs;
}

/** Looks at where a directory is to appear, and changes nothing. */
export async function lookAt(given: string): Promise<Place> {
  try {
    const path = await resolveLinks(given);
    const parent = dirname(path);
    const { bavail, bsize } = await statfs(parent);
    return {
      path,
      state: await stateOf(path),
      isMountPoint: await isMountPoint(path),
      lockedBy: await lockHolder(path),
      freeBytes: bavail * bsize,
      fileSystem: String((await stat(parent)).dev),
    };
  } catch (error) {
    throw error instanceof BackupError ? error : directoryError("restore into", given, error);
  }
}

/** A link that leads nowhere would itself be what rename(2) replaces; a missing parent is more often a slip than a wish. */
async function resolveLinks(given: string): Promise<string> {
  try {
    return await realpath(given);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  const isLink = await lstat(given).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
  if (isLink) throw refused(given, "it is a link that leads nowhere", "Make the directory that it leads to");
  const parent = dirname(given);
  const above = await realpath(parent).catch(() => undefined);
  if (above === undefined) {
    throw refused(given, `there is no directory "${parent}"`, `Check the path, or make it: mkdir -p ${parent}`);
  }
  return join(above, basename(given));
}

async function stateOf(path: string): Promise<Place["state"]> {
  try {
    if ((await readdir(path)).length === 0) return "empty";
    return (await isUnfinished(path)) ? "unfinished" : "occupied";
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "absent";
    throw error;
  }
}

/** The fifth field of each line, in which blanks stand as octal numbers (proc_pid_mountinfo(5)). */
async function isMountPoint(path: string): Promise<boolean> {
  const text = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  return text.split("\n").some((line) => unescapeOctal(line.split(" ")[4] ?? "") === path);
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function refused(path: string, why: string, hint: string): BackupError {
  return new BackupError("STORE_REFUSED", `Cannot restore into "${path}": ${why}`, { hint });
}
