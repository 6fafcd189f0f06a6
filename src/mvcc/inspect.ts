import { bodyOf, checkDatabase, walkBuckets } from "../bolt/check-database.ts";
import type { Database } from "../bolt/database.ts";
import { readMetaRows } from "../bolt/etcd-buckets.ts";
import type { PageRun } from "../bolt/page-run.ts";
import { Findings } from "../model/finding.ts";
import type { Inspection } from "../model/inspection.ts";
import { KeySpace } from "./key-space.ts";
import { checkMetaRows } from "./meta-rows.ts";
import { StatusHash } from "./status-hash.ts";

/** As etcd has it where nothing was ever compacted. */
const NEVER = -1;

/** What bucket `meta` says. */
interface MetaBucket {
  readonly compactRevision: number;
  readonly storageVersion: string;
}

/**
 * Reads a database once from end to end: every page that it uses, every row and every key's history. Memory is some 60
 * bytes for each key and a few MiB. What is wrong is told in `findings`; the figures are those of what could be read.
 */
export async function inspectDatabase(db: Database, signal: AbortSignal): Promise<Inspection> {
  const findings = new Findings();
  const meta = await readMetaBucket(db, signal);
  const { compactRevision } = meta;
  const space = new KeySpace({
    revision: Number.POSITIVE_INFINITY,
    compactRevision,
    ownCompactRevision: compactRevision,
    findings,
  });
  const status = new StatusHash();
  const rows = new Map<string, number>();
  const visit = (bucket: string) => {
    status.addBucket(bucket);
    rows.set(bucket, 0);
    return (leaf: PageRun): void => {
      rows.set(bucket, (rows.get(bucket) ?? 0) + leaf.header.count);
      const body = bodyOf(leaf);
      if (bucket === "key") status.add(space.read(leaf), body.end - body.start);
      else status.addRows(body);
      if (bucket === "meta") checkMetaRows(leaf, findings);
    };
  };
  await checkDatabase(db, { visit, findings }, signal);
  for (const bucket of ["key", "meta"]) if (!rows.has(bucket)) findings.add("ROWS", `there is no bucket "${bucket}"`);
  const revision = Math.max(1, space.lastMain, compactRevision);
  return {
    findings: findings.list,
    status: {
      hash: status.hash,
      revision: space.lastMain,
      totalKey: [...rows.values()].reduce((sum, count) => sum + count, 0),
      totalSize: db.pageCount * db.pageSize,
      version: meta.storageVersion,
    },
    revision: BigInt(revision),
    compactRevision: BigInt(compactRevision),
    liveKeys: space.liveKeys,
    leases: rows.get("lease") ?? 0,
    users: rows.get("authUsers") ?? 0,
    hashKv: space.hashKv(),
  };
}

/** HashKV of a database as a server gives it for `revision` that answers with `compactRevision`, which is not above it. */
export async function hashKv(
  db: Database,
  { revision, compactRevision }: { readonly revision: bigint; readonly compactRevision: bigint },
  signal: AbortSignal,
): Promise<number> {
  const meta = await readMetaBucket(db, signal);
  const space = new KeySpace({
    revision: Number(revision),
    compactRevision: Number(compactRevision),
    ownCompactRevision: meta.compactRevision,
    findings: new Findings(),
  });
  const visit = (bucket: string) => (bucket === "key" ? (leaf: PageRun) => void space.read(leaf) : undefined);
  await walkBuckets(db, { visit, findings: new Findings() }, signal);
  return space.hashKv();
}

/** Bucket `meta` comes after bucket `key` and has to be known before. */
async function readMetaBucket(db: Database, signal: AbortSignal): Promise<MetaBucket> {
  let compactRevision = NEVER;
  let storageVersion = "";
  const onLeaf = (leaf: PageRun): void => {
    const rows = readMetaRows(leaf.bytes, leaf.start);
    compactRevision = Math.max(compactRevision, ...rows.compactRevisions.map(Number));
    storageVersion ||= rows.storageVersion;
  };
  await walkBuckets(
    db,
    { visit: (bucket) => (bucket === "meta" ? onLeaf : undefined), findings: new Findings() },
    signal,
  );
  return { compactRevision, storageVersion };
}
