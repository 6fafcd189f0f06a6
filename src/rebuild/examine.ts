import { createHash } from "node:crypto";
import { decode } from "../backup/decoder.ts";
import type { ByteSource } from "../bolt/byte-source.ts";
import { BackupError, isBackupError } from "../errors.ts";
import type { Finding } from "../model/finding.ts";
import type { Inspection } from "../model/inspection.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { ScratchFile } from "../ports/scratch.ts";
import type { VerifyContext } from "../verify/context.ts";
import { inspectSource } from "../verify/inspect-source.ts";
import { fileSource, memorySource, objectSource } from "../verify/sources.ts";
import { TailDigest } from "./tail-digest.ts";

/** An object that may be a snapshot, of which no manifest speaks. */
export interface BareObject {
  readonly store: ObjectStore;
  readonly key: ObjectKey;
  /** Bytes as stored. */
  readonly size: number;
  /** As the ending of its key tells. */
  readonly encoding: readonly string[];
}

/** What its bytes were found to be. */
export interface Examined {
  readonly findings: readonly Finding[];
  readonly inspection: Inspection | undefined;
  /** Bytes as etcd sent them. */
  readonly snapshotSize: number;
  readonly storedSha256: string;
  /** etcd's own digest, which the bytes before it were found to have. */
  readonly sha256: string;
}

/** How much longer than it is stored a compressed snapshot is taken to be, where nothing tells: etcd's pages are sparse. */
const EXPANSION = 8;

/**
 * Reads an object from end to end and looks at every page and row, as `verify` does; it stands by etcd's own digest alone.
 * Rejects when it cannot be read.
 */
export async function examine(context: VerifyContext, object: BareObject, signal: AbortSignal): Promise<Examined> {
  await using opened = await open(context, object, signal);
  const { sha256, trailer } = opened.digest;
  const facts = { snapshotSize: opened.size, storedSha256: opened.storedSha256, sha256 };
  if (opened.undecodable) return { ...facts, findings: [opened.undecodable], inspection: undefined };
  const inspected = await inspectSource(opened.source, undefined, signal);
  const wrong = `its SHA-256 is ${sha256}, the digest at its end says ${trailer}`;
  const digest: Finding[] = sha256 === trailer ? [] : [{ code: "DIGEST", message: wrong }];
  return { ...facts, inspection: inspected.inspection, findings: [...inspected.findings, ...digest] };
}

interface Opened extends AsyncDisposable {
  readonly source: ByteSource;
  readonly size: number;
  readonly storedSha256: string;
  readonly digest: { readonly sha256: string; readonly trailer: string };
  readonly undecodable: Finding | undefined;
}

/** Hashes all bytes, and keeps them where they can be read in another order: as `verify` keeps them. */
async function open(context: VerifyContext, object: BareObject, signal: AbortSignal): Promise<Opened> {
  const { store, key, size, encoding } = object;
  await using building = new AsyncDisposableStack();
  const stays = encoding.length === 0 && size > context.inMemoryBytes;
  const scratch = encoding.length > 0 ? building.use(await context.scratch.open(size * EXPANSION, signal)) : undefined;
  const memory = stays || scratch ? undefined : new Uint8Array(size);
  const stored = createHash("sha256");
  const digest = new TailDigest();
  const undecodable = await pour(
    decode(hashed(store.read(key, undefined, signal), stored), encoding),
    async (chunk) => {
      if (encoding.length === 0 && digest.size + chunk.length > size) throw replaced(store.url(key));
      memory?.set(chunk, digest.size);
      await scratch?.append(chunk, signal);
      digest.write(chunk);
    },
  );
  const built = building.move();
  return {
    source: sourceOf(object, { memory, scratch }),
    size: digest.size,
    storedSha256: stored.digest("hex"),
    digest: digest.finish(),
    undecodable,
    [Symbol.asyncDispose]: () => built.disposeAsync(),
  };
}

function replaced(url: string): BackupError {
  return new BackupError("STORE_CONFLICT", `Cannot read "${url}": it was replaced meanwhile`, {
    hint: "Run it again, and find out who writes to this folder",
  });
}

function sourceOf(
  { store, key, size }: BareObject,
  { memory, scratch }: { readonly memory: Uint8Array | undefined; readonly scratch: ScratchFile | undefined },
): ByteSource {
  if (scratch) return fileSource(scratch);
  return memory ? memorySource(memory) : objectSource(store, { key, size });
}

async function* hashed(bytes: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash>) {
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
}

/** What is no whole stream of its compression is a finding like any other. */
async function pour(
  bytes: AsyncIterable<Uint8Array>,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<Finding | undefined> {
  try {
    for await (const chunk of bytes) await take(chunk);
    return undefined;
  } catch (error) {
    if (!isBackupError(error, "SNAPSHOT_CORRUPT")) throw error;
    return { code: "FORMAT", message: error.message };
  }
}
