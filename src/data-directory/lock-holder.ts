import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { deviceNumbers, parseFileLocks } from "./proc-locks.ts";

/**
 * The process that holds the lock of etcd's database in a data directory: bbolt takes flock(2) on the file for as long
 * as it is open (bbolt `bolt_unix.go`). Node has no flock(2) to try with, but Linux lists the locks.
 */
export async function lockHolder(dataDir: string, readLocks = readProcLocks): Promise<number | undefined> {
  const file = join(dataDir, "member", "snap", "db");
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  if (!found) return undefined;
  const { major, minor } = deviceNumbers(found.dev);
  for (const lock of parseFileLocks(await readLocks()).filter(({ inode }) => inode === found.ino)) {
    if (lock.major === major && lock.minor === minor) return Math.max(0, lock.pid);
    // btrfs and overlayfs show another device than stat(2) does, so there the open files decide.
    if (await hasOpen(lock.pid, file)) return lock.pid;
  }
  return undefined;
}

async function readProcLocks(): Promise<string> {
  return await readFile("/proc/locks", "utf8").catch(() => "");
}

async function hasOpen(pid: number, file: string): Promise<boolean> {
  const directory = `/proc/${pid}/fd`;
  const descriptors = await readdir(directory).catch(() => []);
  const targets = descriptors.map((name) => readlink(join(directory, name)).catch(() => ""));
  return (await Promise.all(targets)).includes(file);
}
