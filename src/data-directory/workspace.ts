import type { Dirent, Stats } from "node:fs";
import { chown, type FileHandle, lstat, mkdtemp, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BackupError } from "../errors.ts";
import type { Instant } from "../model/time.ts";
import type { Leftovers, Place, Workspace } from "../ports/data-directory.ts";
import { directoryError } from "./errors.ts";
import { isUnfinished, UNFINISHED } from "./place.ts";

const PREFIX = ".etcd-ark-restore-";
/** As mkdtemp(3) completes the name: nothing else is ours to remove. */
const OURS = /^\.etcd-ark-restore-[A-Za-z0-9]{6}$/;
/** Fetching writes all the time, and so does etcd's tool. */
const DEAD_AFTER_MS = 3_600_000;

/** Makes a workspace in the place's parent: rename(2) works within one file system only. */
export async function createWorkspace(place: Place): Promise<Workspace> {
  const parent = dirname(place.path);
  const path = await mkdtemp(join(parent, PREFIX)).catch((error: unknown) => {
    throw directoryError("restore into", place.path, error);
  });
  return {
    path,
    publish: async (name, target, as) => {
      try {
        if (as === "unfinished") await writeFile(join(path, name, UNFINISHED), "");
        await publish(join(path, name), target);
      } catch (error) {
        throw directoryError("restore into", target.path, error);
      }
    },
    takeBack: (name, target) => rename(target.path, join(path, name)),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** Takes the mark away. */
export async function finish({ path }: Place): Promise<void> {
  await rm(join(path, UNFINISHED));
  await sync(path);
}

/** Removes a directory that bears the mark. */
export async function removeUnfinished({ path }: Place): Promise<void> {
  if (!(await isUnfinished(path))) {
    throw new BackupError("STORE_CONFLICT", `Cannot remove "${path}": no restore has left it unfinished`);
  }
  // The mark last, so that what is left of a removal that is killed is known again.
  const names = await readdir(path);
  for (const name of names.filter((each) => each !== UNFINISHED)) await rm(join(path, name), { recursive: true });
  await rm(path, { recursive: true });
}

/** Removes what killed restores have left in the place's parent. */
export async function removeLeftovers(place: Place, now: Instant): Promise<Leftovers> {
  const parent = dirname(place.path);
  const names = (await readdir(parent).catch(() => [])).filter((name) => OURS.test(name));
  const [removed, left]: [string[], string[]] = [[], []];
  for (const path of names.map((name) => join(parent, name))) {
    const isDead = now - (await lastChange(path)) > DEAD_AFTER_MS;
    const gone =
      isDead &&
      (await rm(path, { recursive: true }).then(
        () => true,
        () => false,
      ));
    (gone ? removed : left).push(path);
  }
  return { removed, left };
}

/**
 * What rename(2) shows must be whole after a power cut, too, so all of it is synced before, and the parent afterwards:
 * etcd's tool syncs its files, but not every directory they stand in.
 */
async function publish(from: string, { path, state }: Place): Promise<void> {
  const owner = state === "empty" ? await lstat(path) : undefined;
  await settle(from, owner);
  await rename(from, path);
  await sync(dirname(path));
}

/** Syncs a directory from below, and gives all of it to the owner of the directory that it replaces: etcd's user. */
async function settle(path: string, owner: Stats | undefined): Promise<void> {
  for (const entry of await entriesOf(path)) {
    const below = join(path, entry.name);
    if (entry.isDirectory()) await settle(below, owner);
    else {
      await own(below, owner);
      await sync(below);
    }
  }
  await own(path, owner);
  await sync(path);
}

async function own(path: string, owner: Stats | undefined): Promise<void> {
  if (!owner) return;
  const { uid, gid } = await lstat(path);
  if (uid !== owner.uid || gid !== owner.gid) await chown(path, owner.uid, owner.gid);
}

async function sync(path: string): Promise<void> {
  const handle: FileHandle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function entriesOf(path: string): Promise<Dirent[]> {
  return await readdir(path, { withFileTypes: true });
}

/** The newest change of anything in it. */
async function lastChange(path: string): Promise<Instant> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isDirectory()) return found?.mtimeMs ?? 0;
  const entries = await readdir(path).catch(() => []);
  const below = await Promise.all(entries.map((name) => lastChange(join(path, name))));
  return Math.max(found.mtimeMs, ...below);
}
