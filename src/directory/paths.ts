import { basename, dirname, join } from "node:path";
import { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";

/**
 * What every folder and object may be called. Nothing else in the directory is an object: a temporary
 * file has a `~`, the `lost+found` of a mount has a `+`.
 */
const KEY_PART = /^[A-Za-z0-9._-]+$/;
const UPLOAD_ID = /^(\d+)-[0-9a-f]{12}$/;

/** Whether a directory entry of this name can be part of a key. */
export function isKeyPart(name: string): boolean {
  return KEY_PART.test(name) && name !== "." && name !== "..";
}

/** The file of `key` below `root`. Rejects keys that could name a file elsewhere, with `STORE_REFUSED`. */
export function fileOf(root: string, key: ObjectKey): string {
  return join(root, ...checkParts(key, key.split("/")));
}

/** A prefix as the directory to look into and what the names there begin with. */
export function splitPrefix(root: string, prefix: ObjectKey): { directory: string; folder: ObjectKey; rest: string } {
  const parts = prefix.split("/");
  const rest = parts.pop() ?? "";
  checkParts(prefix, parts);
  return { directory: join(root, ...parts), folder: prefix.slice(0, prefix.length - rest.length), rest };
}

/** The file that becomes `target`: hidden, beside it, and never part of a key. */
export function temporaryOf(target: string, uploadId: string): string {
  return join(dirname(target), `.${basename(target)}~${uploadId}`);
}

/** Whether it is one of ours, `<milliseconds since 1970>-<12 hex digits>`, and so cannot lead elsewhere. */
export function isUploadId(uploadId: string): boolean {
  return UPLOAD_ID.test(uploadId);
}

/** What a temporary file was to become, or `undefined` for any other file. */
export function parseTemporaryName(file: string): { name: string; uploadId: string; startedAt: number } | undefined {
  const [, name = "", uploadId = ""] = /^\.([^~]+)~([^~]+)$/.exec(file) ?? [];
  const startedAt = UPLOAD_ID.exec(uploadId)?.[1];
  return isKeyPart(name) && startedAt !== undefined ? { name, uploadId, startedAt: Number(startedAt) } : undefined;
}

function checkParts(key: ObjectKey, parts: readonly string[]): readonly string[] {
  if (parts.every(isKeyPart)) return parts;
  throw new BackupError(
    "STORE_REFUSED",
    `Cannot use key "${key}" in a directory: only letters, digits, ".", "_" and "-" are allowed between slashes`,
  );
}
