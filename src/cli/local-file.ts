import { link, lstat, stat, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { BackupError, messageOf } from "../errors.ts";

const HINT = "Name another file with --to";

/** The file that `to` means for something called `name`: `to` itself, or below it when it is a directory. */
export async function localFileOf(name: string, { to, in: directory }: { to: string; in: string }): Promise<string> {
  const path = resolve(directory, to);
  const isDirectory =
    to.endsWith("/") ||
    (await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    ));
  return isDirectory ? join(path, name) : path;
}

/** Rejects with `STORE_CONFLICT` if there is a file of that name, and with `STORE_REFUSED` if there cannot be one. */
export async function requireFree(path: string): Promise<void> {
  const isTaken = await lstat(path).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw cannotCreate(path, error);
      return false;
    },
  );
  if (isTaken) throw taken(path);
}

/** Gives a file its name beside it, unless the name is taken. */
export async function giveName(file: string, path: string): Promise<void> {
  try {
    // link(2) never replaces what has the name, as rename(2) does.
    await link(file, path);
  } catch (error) {
    throw codeOf(error) === "EEXIST" ? taken(path) : cannotCreate(path, error);
  } finally {
    await unlink(file).catch(() => undefined);
  }
}

function taken(path: string): BackupError {
  return new BackupError("STORE_CONFLICT", `Cannot create "${path}": another file is there`, { hint: HINT });
}

function cannotCreate(path: string, cause: unknown): BackupError {
  return new BackupError("STORE_REFUSED", `Cannot create "${path}": ${messageOf(cause)}`, { hint: HINT, cause });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
