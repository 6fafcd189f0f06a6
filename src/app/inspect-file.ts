import { open } from "node:fs/promises";
import { openLocalFile } from "../directory/local-file.ts";
import { BackupError, messageOf } from "../errors.ts";
import type { InspectFile, PeekFile } from "../ports/snapshot-inspector.ts";
import { verifyFile } from "../verify/verify-file.ts";

/** Looks at a file as deep as `verify` does. */
export const inspectFile: InspectFile = async (path, { digest }, signal) => {
  const context = { openFile: openLocalFile };
  const { findings, hasTrailer, inspection } = await verifyFile(context, { path, level: "full", digest }, signal);
  const { revision = 0n, status } = inspection ?? {};
  return { findings, hasTrailer, revision, storageVersion: status?.version ?? "" };
};

/** Reads the first bytes of a file. */
export const peekFile: PeekFile = async (path, bytes) => {
  try {
    await using handle = await open(path, "r");
    const found = await handle.stat();
    if (!found.isFile()) throw new Error("it is no file");
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return { sizeBytes: found.size, head: buffer.subarray(0, bytesRead) };
  } catch (cause) {
    throw cannotRead(path, cause);
  }
};

function cannotRead(path: string, cause: unknown): BackupError {
  const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
  return new BackupError(
    "SNAPSHOT_NOT_FOUND",
    `Cannot read "${path}": ${isMissing ? "there is no such file" : messageOf(cause)}`,
    {
      hint: "Check the path, and whether you may read it",
      cause,
    },
  );
}
