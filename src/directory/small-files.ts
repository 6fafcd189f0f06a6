import { dirname } from "node:path";
import { BackupError } from "../errors.ts";
import type { CreateOutcome } from "../ports/object-store.ts";
import {
  createTemporary,
  discard,
  publish,
  publishOver,
  syncDirectory,
  type TemporaryFile,
  writeAll,
} from "./files.ts";
import { readFileWhole } from "./reading.ts";

export interface SmallFile {
  readonly body: Uint8Array;
  readonly uploadId: string;
}

/** Writes a small file unless there is one; `STORE_CONFLICT` when there is one that holds something else. */
export async function createWhole(
  target: string,
  { body, uploadId, url }: SmallFile & { readonly url: string },
): Promise<CreateOutcome> {
  if (await publish(await writeTemporary(target, { body, uploadId }))) return "created";
  const there = await readFileWhole(target);
  if (there === undefined || Buffer.compare(there, body) !== 0) {
    throw new BackupError("STORE_CONFLICT", `Cannot create "${url}": another object is there`, {
      hint: "Find out who else writes to this directory",
    });
  }
  // It may be what a process wrote that was killed before it had synced the directory.
  await syncDirectory(dirname(target));
  return "identical";
}

/** Writes a small file, over another if there is one. Readers see either of them whole. */
export async function replaceWhole(target: string, file: SmallFile): Promise<void> {
  await publishOver(await writeTemporary(target, file));
}

async function writeTemporary(target: string, { body, uploadId }: SmallFile): Promise<TemporaryFile> {
  const file = await createTemporary(target, uploadId);
  try {
    await writeAll(file.handle, [body]);
    await file.handle.sync();
    await file.handle.close();
    return file;
  } catch (error) {
    await discard(file);
    throw error;
  }
}
