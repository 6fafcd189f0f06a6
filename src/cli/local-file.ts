import { link, lstat, readdir, stat, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { BackupError, messageOf } from "../errors.ts";
import type { Instant } from "../model/time.ts";

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

/** What `fetch` writes into until the file gets its name: `.fetch-UUID`, and the store's temporary file for that. */
const UNNAMED = /^(\.fetch-[0-9a-f-]{36}|\.\.fetch-[0-9a-f-]{36}~\d+-[0-9a-f]{12})$/;
const LEFT_BEHIND_MS = 24 * 3_600_000;

/**
 * Removes what a `fetch` into this directory left that was killed more than a day before `now`: one that is under way
 * writes into its file all the time. Never rejects, for it is not what was asked for.
 */
export async function sweepUnnamed(directory: string, now: Instant): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const path of names.filter((name) => UNNAMED.test(name)).map((name) => join(directory, name))) {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isFile() && now - found.mtimeMs > LEFT_BEHIND_MS) await unlink(path).catch(() => undefined);
  }
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
