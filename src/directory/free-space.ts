import { statfs } from "node:fs/promises";
import { parseSize } from "../config/units.ts";
import { BackupError } from "../errors.ts";

/** What has to stay free: a share of the file system, or bytes. */
export type MinFree = { readonly share: number } | { readonly bytes: number };

/** `20%` or `10GiB`. Rejects anything else with `CONFIG_INVALID`. */
export function parseMinFree(text: string): MinFree {
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) < 100) return { share: Number(percent) / 100 };
  const bytes = parseSize(text);
  if (percent === undefined && bytes !== undefined) return { bytes };
  throw new BackupError("CONFIG_INVALID", `Cannot use "directory.minFree" "${text}": neither a share nor a size`, {
    hint: 'Write "20%" or "10GiB", or "0" to use all of it',
  });
}

/**
 * Rejects with `STORE_FULL` when `bytes` more would leave less than `minFree` on the file system of `path`.
 * Blocks reserved for root do not count as free.
 */
export async function refuseBelow(
  minFree: MinFree,
  { path, url, bytes }: { readonly path: string; readonly url: string; readonly bytes: number },
): Promise<void> {
  const space = await statfs(path);
  const { bavail, bsize } = space;
  const keep = bytesToKeep(minFree, space);
  if (bavail * bsize - bytes >= keep) return;
  throw new BackupError(
    "STORE_FULL",
    `Cannot write "${url}": ${toMiB(bytes)} are needed and ${toMiB(bavail * bsize)} are free, of which ${toMiB(keep)} have to stay free`,
    { hint: 'Free space there, lower "retention", or lower "directory.minFree"' },
  );
}

/** Bytes of a file system that have to stay free. */
export function bytesToKeep(
  minFree: MinFree,
  { blocks, bsize }: { readonly blocks: number; readonly bsize: number },
): number {
  return "share" in minFree ? Math.ceil(minFree.share * blocks * bsize) : minFree.bytes;
}

function toMiB(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
