import { createHash } from "node:crypto";
import type { MeasuredObject } from "../backup/copy-snapshot.ts";
import { decode } from "../backup/decoder.ts";
import { isBackupError } from "../errors.ts";
import type { Inspection } from "../model/inspection.ts";
import type { ObjectKey } from "../model/layout.ts";
import { hasTrailer } from "../model/snapshot-file.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { VerifyContext } from "../verify/context.ts";
import { inspectSource } from "../verify/inspect-source.ts";
import { openSnapshot } from "../verify/read-snapshot.ts";
import { TrailingDigest } from "./trailing-digest.ts";

/** An object that no manifest here speaks of. */
export interface LooseObject {
  readonly store: ObjectStore;
  readonly key: ObjectKey;
  /** Bytes. */
  readonly size: number;
  /** How its name says that it is stored. */
  readonly encoding: readonly string[];
}

/** A snapshot that would restore, by its own digest, its pages and its rows. */
export interface Examined {
  readonly object: MeasuredObject;
  /** Of etcd's bytes, the digest included. */
  readonly snapshotSha256: string;
  readonly inspection: Inspection;
}

/**
 * Looks as deep at an object as `verify` does at what has a manifest, or says what is wrong with it. It is read twice: what
 * is compressed shows its size only at its end, and a file on disk or room in memory wants to know it before.
 */
export async function examine(
  context: VerifyContext,
  object: LooseObject,
  signal: AbortSignal,
): Promise<Examined | string> {
  try {
    const measured = await measure(object, signal);
    if (typeof measured === "string") return measured;
    await using opened = await openSnapshot(measured.object, context, signal);
    const { findings, inspection } = await inspectSource(opened.source, undefined, signal);
    const [finding] = findings;
    if (finding) return finding.message;
    return inspection ? { ...measured, inspection } : "it is no database of etcd's";
  } catch (error) {
    if (isBackupError(error, "SNAPSHOT_CORRUPT", "SNAPSHOT_NOT_FOUND")) return error.message;
    throw error;
  }
}

/** Reads all of it once. */
async function measure(
  { store, key, size, encoding }: LooseObject,
  signal: AbortSignal,
): Promise<Omit<Examined, "inspection"> | string> {
  if (encoding.length === 0 && !hasTrailer(size)) return NO_DIGEST;
  const hash = createHash("sha256");
  let storedSize = 0;
  const stored = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of store.read(key, undefined, signal)) {
      hash.update(chunk);
      storedSize += chunk.length;
      yield chunk;
    }
  };
  const digest = new TrailingDigest();
  for await (const chunk of decode(stored(), encoding)) digest.write(chunk);
  if (storedSize !== size) return "something follows the end of what was compressed";
  if (!hasTrailer(digest.size)) return NO_DIGEST;
  const { sha256, trailer, snapshotSha256 } = digest.finish();
  if (sha256 !== trailer) return `its SHA-256 is ${sha256}, the digest at its end says ${trailer}`;
  const storedSha256 = hash.digest("hex");
  const manifest = { encoding: [...encoding], storedSize, storedSha256, snapshotSize: digest.size, sha256 };
  return { object: { store, key, manifest }, snapshotSha256 };
}

const NO_DIGEST = "it has no digest at its end: it was cut short, or is no snapshot";
