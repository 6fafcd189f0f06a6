import {
  type CheckMark,
  type CheckRecord,
  checkKey,
  decodeCheckRecord,
  type Level,
  readCheckKey,
} from "../model/check-record.ts";
import type { Inspection } from "../model/inspection.ts";
import { layout } from "../model/layout.ts";
import { encodeJson, FORMAT_VERSION } from "../model/manifest.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import { formatInstant } from "../model/time.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { VerifyContext } from "./context.ts";
import type { Verification } from "./verify-snapshot.ts";

/** A copy of a snapshot whose checks are kept. */
export interface CheckedCopy {
  readonly store: ObjectStore;
  readonly cluster: string;
  readonly name: SnapshotName;
}

/** The hash of all rows by the first check that passed and found one. */
export async function recordedHash(
  { store, cluster, name }: CheckedCopy,
  signal: AbortSignal,
): Promise<number | undefined> {
  for await (const { key } of store.list(layout.checks(cluster, name), signal)) {
    if (!readCheckKey(key)?.mark.passed) continue;
    const body = await store.get(key, signal);
    const hash = body && decodeCheckRecord(body)?.hash;
    if (hash !== undefined) return hash;
  }
  return undefined;
}

/** Keeps the outcome beside the snapshot, where `list` and pruning see it. */
export async function recordCheck(
  { node, writer, clock }: VerifyContext,
  check: {
    readonly copy: CheckedCopy;
    readonly level: Level;
    readonly verification: Verification;
    readonly durationMs: number;
  },
  signal: AbortSignal,
): Promise<CheckMark> {
  const { copy, level, verification, durationMs } = check;
  const mark = { level, passed: verification.findings.length === 0, at: clock.now() };
  const record = {
    formatVersion: FORMAT_VERSION,
    minReader: FORMAT_VERSION,
    name: copy.name,
    cluster: copy.cluster,
    level,
    passed: mark.passed,
    findings: verification.findings,
    ...(verification.inspection && figuresOf(verification.inspection)),
    ...(verification.live && { live: verification.live }),
    checkedAt: formatInstant(mark.at),
    durationMs: Math.round(durationMs),
    node,
    writer,
  } satisfies CheckRecord;
  await copy.store.create(checkKey(copy.cluster, copy.name, mark), encodeJson(record), signal);
  return mark;
}

/** The figures of a snapshot, by the names of stock `snapshot status` and, beyond those, by ours. */
export function figuresOf({ status, revision, compactRevision, liveKeys, leases, users, hashKv }: Inspection) {
  return {
    ...status,
    trueRevision: String(revision),
    compactRevision: String(compactRevision),
    liveKeys,
    leases,
    users,
    hashKv,
  };
}
