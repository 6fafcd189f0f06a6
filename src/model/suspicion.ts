import type { Manifest, Revision } from "./manifest.ts";

/** What is known of a snapshot when its stream has ended. */
export interface Observation {
  readonly revision: Revision;
  readonly linearized: boolean;
  readonly liveKeys: number;
  readonly dbSizeInUse: number;
  readonly alarms: readonly string[];
}

export interface Assessment {
  /** Why history looks wrong; empty when it does not. */
  readonly reasons: readonly string[];
  /** Whether the revision went back for certain, so that this snapshot begins another history. */
  readonly rewound: boolean;
}

/** Below this, the size in use is a handful of pages that one compaction can halve. */
const SMALL_DATABASE_BYTES = 1024 * 1024;

/** Compares a snapshot with the newest one before it, which a linearizable read has since confirmed. */
export function assessHistory(now: Observation, before: Manifest | undefined): Assessment {
  const behind = before !== undefined && now.revision < BigInt(before.revision);
  const reasons = [
    ...(now.alarms.includes("CORRUPT") ? ["etcd has raised a CORRUPT alarm"] : []),
    ...(behind ? [describeRevision(now, before)] : []),
    ...(before ? describeLoss(now, before) : []),
  ];
  return { reasons, rewound: behind && now.linearized };
}

function describeRevision(now: Observation, before: Manifest): string {
  return now.linearized
    ? `revision went back from ${before.revision} to ${now.revision}`
    : `revision ${now.revision} is behind ${before.revision}, and no quorum says which is right`;
}

function describeLoss(now: Observation, before: Manifest): string[] {
  const reasons: string[] = [];
  if (now.liveKeys * 2 < before.liveKeys) {
    reasons.push(`live keys fell from ${before.liveKeys} to ${now.liveKeys}`);
  }
  if (before.dbSizeInUse >= SMALL_DATABASE_BYTES && now.dbSizeInUse * 2 < before.dbSizeInUse) {
    reasons.push(`size in use fell from ${before.dbSizeInUse} to ${now.dbSizeInUse} bytes`);
  }
  return reasons;
}
