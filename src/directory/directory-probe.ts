import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Clock } from "../ports/clock.ts";
import type { DirectoryProbe, DirectoryState } from "../ports/directory-probe.ts";
import { Disk } from "./disk.ts";
import { orUndefined } from "./files.ts";
import { bytesToKeep, parseMinFree } from "./free-space.ts";

export interface DirectoryProbeOptions {
  readonly path: string;
  readonly minFree: string;
  readonly clock: Clock;
}

/** Looks at a directory store's directory. Rejects a wrong `minFree` with `CONFIG_INVALID`. */
export function createDirectoryProbe({ path, minFree, clock }: DirectoryProbeOptions): DirectoryProbe {
  const disk = new Disk(clock);
  const keep = parseMinFree(minFree);
  const target = resolve(path);
  const run = async (): Promise<DirectoryState> => {
    const nearest = await nearestOf(target);
    const { mode } = await stat(nearest);
    const space = await statfs(nearest);
    return {
      path: target,
      nearest,
      mode: mode & 0o7777,
      isWritable: await isWritable(nearest),
      freeBytes: space.bavail * space.bsize,
      keepBytes: bytesToKeep(keep, space),
    };
  };
  return { look: (signal) => disk.do({ verb: "look at", target, run }, signal) };
}

/** The first of the directory and those above it that is there. A file in its place is refused with ENOTDIR. */
async function nearestOf(path: string): Promise<string> {
  const found = await orUndefined(stat(path));
  if (found === undefined) return await nearestOf(dirname(path));
  if (!found.isDirectory()) throw Object.assign(new Error("not a directory"), { code: "ENOTDIR" });
  return path;
}

async function isWritable(path: string): Promise<boolean> {
  return await access(path, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}
