import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectKey } from "../model/layout.ts";
import type { StoredObject, UnfinishedUpload } from "../ports/object-store.ts";
import type { Disk } from "./disk.ts";
import { orUndefined } from "./files.ts";
import { isKeyPart, parseTemporaryName, splitPrefix } from "./paths.ts";

/** Where to look. */
export interface Place {
  readonly disk: Disk;
  readonly root: string;
  url(key: ObjectKey): string;
}

/** Every regular file whose key begins with `prefix`, in byte order of keys; links and foreign names are no objects. */
export async function* listFiles(
  place: Place,
  prefix: ObjectKey,
  signal: AbortSignal,
): AsyncGenerator<StoredObject, void, void> {
  for await (const { path, key } of walk(place, { prefix, accept: isKeyPart }, signal)) {
    const run = () => orUndefined(lstat(path));
    const found = await place.disk.do({ verb: "look at", target: place.url(key), run }, signal);
    if (found?.isFile()) yield { key, size: found.size, storedAt: Math.floor(found.mtimeMs) };
  }
}

/** Names of the folders below `prefix` that hold an object, in order. */
export async function* listFolderNames(
  place: Place,
  prefix: ObjectKey,
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const { directory, folder, rest } = splitPrefix(place.root, prefix);
  const names = (await entriesOf(place, { directory, folder }, signal))
    .filter((entry) => entry.isDirectory() && isKeyPart(entry.name) && entry.name.startsWith(rest))
    .map(({ name }) => name);
  for (const name of names.sort()) {
    // S3 has no empty folders, and neither has this store.
    for await (const _ of listFiles(place, `${folder}${name}/`, signal)) {
      yield name.slice(rest.length);
      break;
    }
  }
}

/** Temporary files of objects whose key begins with `prefix`. */
export async function* listTemporaries(
  place: Place,
  prefix: ObjectKey,
  signal: AbortSignal,
): AsyncGenerator<UnfinishedUpload, void, void> {
  const accept = (name: string): boolean => parseTemporaryName(name) !== undefined;
  for await (const { folder, name } of walk(
    place,
    { prefix: splitPrefix(place.root, prefix).folder, accept },
    signal,
  )) {
    const upload = parseTemporaryName(name);
    const key = `${folder}${upload?.name}`;
    if (upload && key.startsWith(prefix)) yield { key, uploadId: upload.uploadId, startedAt: upload.startedAt };
  }
}

interface Found {
  readonly path: string;
  readonly folder: ObjectKey;
  readonly name: string;
  readonly key: ObjectKey;
}

interface Search {
  readonly prefix: ObjectKey;
  /** Which files are meant, by name. */
  accept(name: string): boolean;
}

async function* walk(place: Place, { prefix, accept }: Search, signal: AbortSignal): AsyncGenerator<Found, void, void> {
  const { directory, folder, rest } = splitPrefix(place.root, prefix);
  const entries = await entriesOf(place, { directory, folder }, signal);
  const named = entries
    .filter(({ name }) => name.startsWith(rest))
    .map((entry) => ({ entry, sortsAs: sortName(entry) }));
  for (const { entry } of named.sort((a, b) => (a.sortsAs < b.sortsAs ? -1 : 1))) {
    const { name } = entry;
    const path = join(directory, name);
    const key = `${folder}${name}`;
    if (entry.isFile() && accept(name)) yield { path, folder, name, key };
    if (entry.isDirectory() && isKeyPart(name)) yield* walk(place, { prefix: `${key}/`, accept }, signal);
  }
}

/** A folder's objects stand in the list where its name with a slash does: after `a-b`, before `a0`. */
function sortName(entry: Dirent): string {
  return entry.isDirectory() ? `${entry.name}/` : entry.name;
}

async function entriesOf(
  { disk, url }: Place,
  { directory, folder }: { readonly directory: string; readonly folder: ObjectKey },
  signal: AbortSignal,
): Promise<Dirent[]> {
  const run = async () => (await orUndefined(readdir(directory, { withFileTypes: true }))) ?? [];
  return await disk.do({ verb: "list", target: url(folder), run }, signal);
}
