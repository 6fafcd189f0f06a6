import { constants } from "node:fs";
import { type FileHandle, link, lstat, mkdir, open, rename, rmdir, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { StoredObject } from "../ports/object-store.ts";
import { errnoOf } from "./errors.ts";
import { temporaryOf } from "./paths.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** A file on its way to its name. */
export interface TemporaryFile {
  readonly handle: FileHandle;
  readonly path: string;
  readonly target: string;
}

/** Creates an empty file next to `target`, with the directories above it. */
export async function createTemporary(target: string, uploadId: string): Promise<TemporaryFile> {
  const path = temporaryOf(target, uploadId);
  // Another process that deletes the last object of a folder removes the folder as well.
  for (let attempt = 1; ; attempt++) {
    try {
      await createDirectory(dirname(target));
      return { handle: await open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600), path, target };
    } catch (error) {
      if (errnoOf(error) !== "ENOENT" || attempt === 10) throw error;
    }
  }
}

/** Closes and removes a file that shall not get its name. Whatever fails is left for the sweep. */
export async function discard({ handle, path }: Pick<TemporaryFile, "handle" | "path">): Promise<void> {
  await unlink(path).catch(() => undefined);
  await handle.close().catch(() => undefined);
}

/**
 * Gives the synced file its name unless the name is taken: `false` if it is. link(2) never replaces,
 * as rename(2) does, and shows the file whole or not at all.
 */
export async function publish({ path, target }: Omit<TemporaryFile, "handle">): Promise<boolean> {
  try {
    await link(path, target);
  } catch (error) {
    // Over NFS the answer to a link that was made can get lost, and its retry finds the name taken: link(2), BUGS.
    const taken = errnoOf(error) === "EEXIST";
    if (!taken || !(await isSameFile(path, target))) {
      await unlink(path).catch(() => undefined);
      if (taken) return false;
      throw withoutLinks(error, target);
    }
  }
  await unlink(path);
  await syncDirectory(dirname(target));
  return true;
}

/** Gives the synced file its name, over whatever has it. */
export async function publishOver({ path, target }: TemporaryFile): Promise<void> {
  try {
    await rename(path, target);
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(target));
}

/** Opens a regular file to read, or `undefined` if there is none. A link is refused with ELOOP, a pipe does not block. */
export async function openRegular(path: string): Promise<FileHandle | undefined> {
  const handle = await orUndefined(open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  let isFile = false;
  try {
    isFile = handle !== undefined && (await handle.stat()).isFile();
    return isFile ? handle : undefined;
  } finally {
    if (!isFile) await handle?.close();
  }
}

/**
 * The file as an object, or `undefined` if there is none. A symbolic link is refused with ELOOP, as open(2)
 * refuses it: what it points at is not ours to show or to hash.
 */
export async function describe(key: ObjectKey, path: string): Promise<StoredObject | undefined> {
  const found = await orUndefined(lstat(path));
  if (found?.isSymbolicLink()) throw Object.assign(new Error("symbolic link"), { code: "ELOOP" });
  return found?.isFile() ? { key, size: found.size, storedAt: Math.floor(found.mtimeMs) } : undefined;
}

/** The value, or `undefined` if there is no such file. */
export async function orUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** Writes of more than this at once took Linux 6.18 twice the processor's time: it looks for larger pages then. */
const WRITE_BYTES = 256 * 2 ** 10;

/** Writes all of `chunks` at the end, however many writes that takes. */
export async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks.filter((chunk) => chunk.byteLength > 0);
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(upTo(WRITE_BYTES, rest));
    rest = skip(rest, bytesWritten);
  }
}

/** Makes what was done to the directory's entries survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes `directory` and those above it, up to but without `root`, as far as they are empty. */
export async function removeEmpty(directory: string, root: string): Promise<void> {
  for (let at = directory; at !== root && at.startsWith(root); at = dirname(at)) {
    try {
      await rmdir(at);
    } catch {
      return;
    }
  }
}

async function createDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let at = path; at.length >= first.length; at = dirname(at)) await syncDirectory(dirname(at));
}

/** Since a file could be created in the directory, EPERM can only mean that the file system has no hard links: link(2). */
function withoutLinks(error: unknown, target: string): unknown {
  if (!["EPERM", "EOPNOTSUPP", "ENOSYS"].includes(errnoOf(error) ?? "")) return error;
  return new BackupError("STORE_REFUSED", `Cannot create "${target}": its file system has no hard links`, {
    hint: 'Set "directory.path" to a directory on ext4, XFS, Btrfs, ZFS or NFS',
    cause: error,
  });
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(one), lstat(other)]);
  return a.ino === b.ino && a.dev === b.dev;
}

/** The first `bytes` of all chunks, at most. */
function upTo(bytes: number, chunks: readonly Uint8Array[]): Uint8Array[] {
  const taken: Uint8Array[] = [];
  for (let left = bytes, at = 0; left > 0; at++) {
    const chunk = chunks[at]?.subarray(0, left);
    if (chunk === undefined) break;
    taken.push(chunk);
    left -= chunk.byteLength;
  }
  return taken;
}

function skip(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes;
  return chunks.flatMap((chunk) => {
    const gone = Math.min(left, chunk.byteLength);
    left -= gone;
    return gone === chunk.byteLength ? [] : [chunk.subarray(gone)];
  });
}
