import { openDatabase } from "../../src/bolt/database.ts";
import { RevisionIndex } from "../../src/bolt/stream-index.ts";
import { isBackupError, messageOf } from "../../src/errors.ts";
import { inspectDatabase } from "../../src/mvcc/inspect.ts";
import { type Random, seededRandom } from "../../test/support/random.ts";
import { memorySource } from "../../test/unit/mvcc/memory-source.ts";
import { garbage } from "./garbage.ts";
import { type Mutation, mutate } from "./mutation.ts";
import type { Original } from "./originals.ts";

/** How a damage was noticed, if it was. */
export type Notice =
  /** As a finding, with nothing to compare with. */
  | "finding"
  /** Only since the hash of all rows is another one. */
  | "status hash"
  /** Only since some other figure is. */
  | "other figures"
  /** Not at all: it hit bytes that mean nothing. */
  | "unchanged";

export interface Trial extends Mutation {
  readonly original: string;
  readonly notice: Notice;
  /** What must never be: an error that is a bug, or too much that was read. */
  readonly failures: readonly string[];
}

/** What `tryCase` compares with. */
export interface Baseline extends Original {
  readonly figures: Figures;
}

/** What a file says: what is wrong with it, or its figures. */
type Figures = { readonly findings: readonly string[] } | { readonly hash: number; readonly others: string };

const { signal } = new AbortController();
/** A small file is read whole to find its meta pages, once for bucket `meta` and once for everything. */
const MAX_READ_FACTOR = 3;
const READ_SLACK_BYTES = 256 * 1024;

export async function baselineOf(original: Original): Promise<Baseline> {
  return { ...original, figures: (await inspectBytes(original.bytes)).figures };
}

/** The random numbers of a case: the same for the same seed and index. */
export function randomOf(seed: number, index: number): Random {
  return seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index, 0x85ebca6b));
}

/** Damages one of the originals, or makes noise of a file's form. */
export function makeCase<Some extends Original>(
  originals: readonly [Some, ...Some[]],
  random: Random,
): Mutation & { readonly original: Some } {
  const original = random.pick(originals);
  return { original, ...(random.int(0, 9) === 0 ? garbage(random) : mutate(original.bytes, random)) };
}

/** Reads what has become of a file in both ways. */
export async function tryCase(baselines: readonly [Baseline, ...Baseline[]], random: Random): Promise<Trial> {
  const { original, kind, bytes } = makeCase(baselines, random);
  const read = await inspectBytes(bytes).catch((error: unknown) => ({ failure: stackOf(error) }));
  const failures = [
    ...("failure" in read ? [read.failure] : checkReads(read.bytesRead, bytes)),
    ...index(bytes, random),
  ];
  const notice = "failure" in read ? "finding" : noticeOf(read.figures, original.figures);
  return { original: original.name, kind, bytes, notice, failures };
}

async function inspectBytes(bytes: Buffer): Promise<{ readonly figures: Figures; readonly bytesRead: number }> {
  const source = memorySource(bytes);
  const db = await openDatabase(source, signal);
  if (typeof db === "string") return { figures: { findings: [db] }, bytesRead: source.reads.bytes };
  const { findings, status, ...others } = await inspectDatabase(db, signal);
  const figures =
    findings.length > 0
      ? { findings: findings.map(({ message }) => message) }
      : { hash: status.hash, others: JSON.stringify({ status, ...others }, (_, value) => text(value)) };
  return { figures, bytesRead: source.reads.bytes };
}

function noticeOf(figures: Figures, original: Figures): Notice {
  if ("findings" in figures || "findings" in original) return "finding";
  if (figures.hash !== original.hash) return "status hash";
  return figures.others === original.others ? "unchanged" : "other figures";
}

function checkReads(bytesRead: number, bytes: Buffer): string[] {
  const limit = MAX_READ_FACTOR * bytes.length + READ_SLACK_BYTES;
  return bytesRead > limit ? [`read ${bytesRead} bytes of a file of ${bytes.length}`] : [];
}

/** As the stream of a snapshot, in slices of any size. */
function index(bytes: Buffer, random: Random): string[] {
  const revisions = new RevisionIndex();
  const slice = random.int(1000, 70_000);
  try {
    for (let at = 0; at < bytes.length; at += slice) revisions.write(bytes.subarray(at, at + slice));
    revisions.finish();
    return [];
  } catch (error) {
    return isBackupError(error, "SNAPSHOT_CORRUPT") ? [] : [stackOf(error)];
  }
}

function text(value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
}
