import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

/** Opens a new file of mode 0600 that has no name any more, so that it vanishes with the process however that ends. */
export async function openUnlinked(directory: string, what: string): Promise<FileHandle> {
  const path = join(directory, `.${what}~${randomBytes(6).toString("hex")}`);
  const handle = await open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, 0o600);
  try {
    await unlink(path);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
