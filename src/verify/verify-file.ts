import { createHash } from "node:crypto";
import type { Level } from "../model/check-record.ts";
import type { Finding } from "../model/finding.ts";
import { TRAILER_BYTES } from "../model/manifest.ts";
import { hasTrailer } from "../model/snapshot-file.ts";
import type { LocalFile } from "../ports/local-file.ts";
import type { VerifyContext } from "./context.ts";
import { type Inspected, inspectSource } from "./inspect-source.ts";
import type { AskHash } from "./live-hash.ts";
import { fileSource } from "./sources.ts";

/** What is asked of a local file. */
export interface VerifyFileRequest {
  readonly path: string;
  readonly level: Level;
  readonly askHash?: AskHash | undefined;
  /** False when somebody else holds the bytes against the digest. */
  readonly digest?: boolean;
}

/** What a file was found to be. */
export interface FileVerification extends Inspected {
  /** Bytes of the file. */
  readonly size: number;
  /** Whether etcd's digest stands at its end, right or wrong. */
  readonly hasTrailer: boolean;
}

const CHUNK = 2 ** 20;

/**
 * Looks whether a local file would restore. A file without a digest, as one that was copied from `member/snap/db`, has that
 * as a finding: nothing tells whether its values are those that etcd wrote. Rejects when it cannot be read.
 */
export async function verifyFile(
  { openFile }: Pick<VerifyContext, "openFile">,
  { path, level, askHash, digest: isWanted = true }: VerifyFileRequest,
  signal: AbortSignal,
): Promise<FileVerification> {
  await using file = await openFile(path, signal);
  const facts = { size: file.size, hasTrailer: hasTrailer(file.size) };
  const isDeep = level === "structure" || level === "full";
  const inspected = isDeep
    ? await inspectSource(fileSource(file), level === "full" ? askHash : undefined, signal)
    : { findings: [], inspection: undefined, live: undefined };
  const isFormatWrong = inspected.findings.some(({ code }) => code === "FORMAT");
  const digest = level === "stored" || isFormatWrong || !isWanted ? [] : await checkDigest(file, signal);
  return { ...facts, ...inspected, findings: [...digest, ...inspected.findings] };
}

async function checkDigest(file: LocalFile, signal: AbortSignal): Promise<Finding[]> {
  if (!hasTrailer(file.size)) return [{ code: "DIGEST", message: "it has no digest at its end" }];
  const hash = createHash("sha256");
  const end = file.size - TRAILER_BYTES;
  const buffer = Buffer.allocUnsafeSlow(CHUNK);
  for (let at = 0; at < end; at += CHUNK) {
    const chunk = buffer.subarray(0, Math.min(CHUNK, end - at));
    await file.read(chunk, at, signal);
    hash.update(chunk);
  }
  const last = buffer.subarray(0, TRAILER_BYTES);
  await file.read(last, end, signal);
  const trailer = last.toString("hex");
  const sha256 = hash.digest("hex");
  if (sha256 === trailer) return [];
  return [{ code: "DIGEST", message: `its SHA-256 is ${sha256}, the digest at its end says ${trailer}` }];
}
