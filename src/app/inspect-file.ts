import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { StreamCheck } from "../backup/stream-check.ts";
import { RevisionIndex } from "../bolt/stream-index.ts";
import { BackupError, isBackupError, messageOf } from "../errors.ts";
import { hasTrailer } from "../model/snapshot-file.ts";
import type { InspectedFile, InspectFile, PeekFile } from "../ports/snapshot-inspector.ts";

/** Holds a file's bytes against etcd's digest at their end, and finds the revision on the way. */
export const inspectFile: InspectFile = async (path, signal) => {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw cannotRead(path, cause);
  });
  return hasTrailer(size) ? await checkDigest(path, size, signal) : await findRevision(path, signal);
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

async function checkDigest(path: string, size: number, signal: AbortSignal): Promise<InspectedFile> {
  const check = new StreamCheck(size);
  await readAll(path, (chunk) => check.write(chunk), signal);
  const { revision, storageVersion, finding } = orFinding(() => ({ ...check.finish(), finding: undefined }));
  return { findings: finding ? [finding] : [], revision, storageVersion, hasTrailer: true };
}

async function findRevision(path: string, signal: AbortSignal): Promise<InspectedFile> {
  const index = new RevisionIndex();
  await readAll(path, (chunk) => index.write(chunk), signal);
  const { revision, storageVersion, finding } = orFinding(() => ({ ...index.finish(), finding: undefined }));
  return { findings: finding ? [finding] : [], revision, storageVersion, hasTrailer: false };
}

interface Outcome {
  readonly revision: bigint;
  readonly storageVersion: string;
  readonly finding: { readonly code: string; readonly message: string } | undefined;
}

function orFinding(finish: () => Outcome): Outcome {
  try {
    return finish();
  } catch (error) {
    if (!isBackupError(error, "SNAPSHOT_CORRUPT")) throw error;
    const message = error.message.replace(/^Cannot [^:]*: /, "");
    const code = message.includes("digest") ? "digest" : "structure";
    return { revision: 0n, storageVersion: "", finding: { code, message } };
  }
}

async function readAll(path: string, take: (chunk: Uint8Array) => void, signal: AbortSignal): Promise<void> {
  try {
    const stream: AsyncIterable<Uint8Array> = createReadStream(path, { highWaterMark: 2 ** 20, signal });
    for await (const chunk of stream) take(chunk);
  } catch (cause) {
    signal.throwIfAborted();
    throw cannotRead(path, cause);
  }
}

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
