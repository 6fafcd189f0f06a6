import type { ByteSource } from "../bolt/byte-source.ts";
import { type Database, openDatabase } from "../bolt/database.ts";
import type { Finding } from "../model/finding.ts";
import type { Inspection } from "../model/inspection.ts";
import type { Revision } from "../model/manifest.ts";
import { hashKv, inspectDatabase } from "../mvcc/inspect.ts";
import type { AskHash } from "./live-hash.ts";

/** What pages and rows were found to be. */
export interface Inspected {
  readonly findings: readonly Finding[];
  /** Absent when the bytes are no database. */
  readonly inspection: Inspection | undefined;
  /** What a live member said to it, if one was asked. */
  readonly live: LiveComparison | undefined;
}

/** How HashKV of a live member compares. */
export interface LiveComparison {
  readonly member: string;
  /** Why it cannot be compared; absent when it was. */
  readonly incomparable?: string;
}

/** Reads pages and rows, and compares with a live member if there is one to ask. */
export async function inspectSource(
  source: ByteSource,
  askHash: AskHash | undefined,
  signal: AbortSignal,
): Promise<Inspected> {
  const db = await openDatabase(source, signal);
  if (typeof db === "string") {
    return { findings: [{ code: "FORMAT", message: db }], inspection: undefined, live: undefined };
  }
  const inspection = await inspectDatabase(db, signal);
  if (askHash === undefined || inspection.findings.length > 0) {
    return { findings: inspection.findings, inspection, live: undefined };
  }
  return { inspection, ...(await compareLive(db, { inspection, askHash }, signal)) };
}

/**
 * The member hashes what it had at the snapshot's revision. Rows that a compaction had taken from the file already are in
 * the member's hash when that goes by an older compaction: then there is nothing to compare.
 */
async function compareLive(
  db: Database,
  { inspection, askHash }: { readonly inspection: Inspection; readonly askHash: AskHash },
  signal: AbortSignal,
): Promise<Pick<Inspected, "findings" | "live">> {
  const { revision } = inspection;
  const answer = await askHash(revision, signal);
  if ("incomparable" in answer) return { findings: [], live: answer };
  const { member, hash, compactRevision } = answer;
  if (compactRevision < inspection.compactRevision) {
    return { findings: [], live: { member, incomparable: `it goes by compaction ${compactRevision}` } };
  }
  const own = await hashKv(db, { revision, compactRevision }, signal);
  return { findings: own === hash ? [] : [differs(answer, { revision, own })], live: { member } };
}

function differs(
  { member, hash }: { readonly member: string; readonly hash: number },
  { revision, own }: { readonly revision: Revision; readonly own: number },
): Finding {
  const message = `HashKV at revision ${revision} is ${own}, and "${member}" says ${hash}`;
  return { code: "HASHKV", message };
}
