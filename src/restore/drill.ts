import { join } from "node:path";
import type { StoredSnapshot } from "../backup/copy-snapshot.ts";
import { BackupError, isBackupError } from "../errors.ts";
import type { Finding } from "../model/finding.ts";
import type { Inspection } from "../model/inspection.ts";
import type { Manifest, Revision } from "../model/manifest.ts";
import type { EtcdServer, FindEtcdServer, ThrowawayEtcd } from "../ports/etcd-tools.ts";
import type { KeySpaceHash, Member, SnapshotOrigin, SnapshotSource } from "../ports/snapshot-source.ts";
import type { VerifyContext } from "../verify/context.ts";
import { verifyFile } from "../verify/verify-file.ts";
import type { RestoreContext } from "./context.ts";
import { fetchSource } from "./fetch-source.ts";
import { type PreparedRestore, prepareRestore } from "./prepare-restore.ts";
import { refuseLittleRoom } from "./room.ts";

/** What a drill works with. */
export interface DrillContext {
  readonly restore: RestoreContext;
  readonly verify: VerifyContext;
  readonly findServer: FindEtcdServer;
  /** Speaks to the etcd that a drill has started. */
  readonly openEtcd: (endpoint: string) => SnapshotSource;
  /** Absolute; the drill works in a directory of its own below it, which is gone afterwards. */
  readonly directory: string;
  readonly freePort: () => Promise<number>;
}

/** Programs by their paths; `undefined` for those on PATH. */
export interface DrillPrograms {
  readonly etcd: string | undefined;
  readonly etcdutl: string | undefined;
}

/** What a drill has shown. */
export interface DrillResult {
  /** Empty when the restored etcd had everything that it should have. */
  readonly findings: readonly Finding[];
  /** From the first byte fetched to the first answer of the restored etcd. */
  readonly timeToRestoreMs: number;
  readonly tool: { readonly path: string; readonly version: string };
  readonly server: { readonly path: string; readonly version: string };
  readonly inspection: Inspection | undefined;
}

const MEMBER = "drill";
/** A restored etcd loads its index before it answers: minutes for the largest databases on slow disks. */
const START_MS = 300_000;
const ASK_AGAIN_MS = 100;

/**
 * Restores a snapshot into a directory of its own, starts a stock etcd on it, and holds what that serves against the
 * manifest and against the snapshot's own rows. Resolves to `undefined` when there is no etcd to start; rejects when the
 * drill could not be made.
 */
export async function drillSnapshot(
  context: DrillContext,
  { snapshot, programs }: { readonly snapshot: StoredSnapshot; readonly programs: DrillPrograms },
  signal: AbortSignal,
): Promise<DrillResult | undefined> {
  const server = await context.findServer(programs.etcd, signal);
  if (server === undefined) return undefined;
  const peerUrl = `http://127.0.0.1:${await context.freePort()}`;
  const prepared = await prepareRestore(context.restore, targetOf(context, programs, peerUrl), signal);
  refuseLittleRoom(prepared, { kind: "stored", snapshot, suspect: [] });
  await using workspace = await context.restore.directories.workspaceBeside(prepared.dataDir);
  const drill = { context, snapshot, server, prepared, peerUrl, directory: workspace.path };
  const result = { tool: named(prepared.tool), server: named(server) };
  try {
    return { ...result, ...(await rehearse(drill, signal)) };
  } catch (error) {
    if (!isBackupError(error, "SNAPSHOT_CORRUPT", "TOOL_FAILED")) throw error;
    const finding = { code: error.code === "TOOL_FAILED" ? "RESTORE" : "DIGEST", message: error.message } as const;
    return { ...result, findings: [finding], timeToRestoreMs: 0, inspection: undefined };
  }
}

function targetOf({ directory }: DrillContext, { etcdutl }: DrillPrograms, peerUrl: string) {
  const member = { name: MEMBER, initialCluster: `${MEMBER}=${peerUrl}`, initialAdvertisePeerUrls: peerUrl };
  return { dataDir: join(directory, MEMBER), walDir: undefined, member, tool: etcdutl };
}

function named({ path, version }: { readonly path: string; readonly version: string }) {
  return { path, version };
}

interface Drill {
  readonly context: DrillContext;
  readonly snapshot: StoredSnapshot;
  readonly server: EtcdServer;
  readonly prepared: PreparedRestore;
  readonly peerUrl: string;
  readonly directory: string;
}

async function rehearse(drill: Drill, signal: AbortSignal) {
  const { context, snapshot, server, prepared, peerUrl, directory } = drill;
  const { clock } = context.verify;
  const start = clock.monotonic();
  const source = { kind: "stored", snapshot, suspect: [] } as const;
  const fetching = { source, directory, force: false, onProgress: () => undefined };
  const path = await fetchSource(context.restore, fetching, signal);
  const dataDir = join(directory, "restored");
  await prepared.tool.restore({ file: path, dataDir, member: prepared.member, skipHashCheck: false }, signal);
  await using etcd = await server.start({ dataDir, name: MEMBER, peerUrl }, signal);
  await using restored = context.openEtcd(etcd.endpoint);
  const origin = await firstAnswer(context, { etcd, restored }, signal);
  const timeToRestoreMs = Math.round(clock.monotonic() - start);
  const askHash = (revision: Revision): Promise<KeySpaceHash> =>
    hashOf(restored, { member: origin.member, revision }, signal);
  const { findings, inspection } = await verifyFile(context.verify, { path, level: "full", askHash }, signal);
  const served = compareServed(snapshot.manifest, origin, inspection);
  return { findings: [...findings, ...served], timeToRestoreMs, inspection };
}

/** etcd 3.4 up to 3.4.33 refuses the revision of a compaction; that is the current one then, which 0 stands for. */
async function hashOf(
  restored: SnapshotSource,
  { member, revision }: { readonly member: Member; readonly revision: Revision },
  signal: AbortSignal,
): Promise<KeySpaceHash> {
  try {
    return await restored.hashKv(member, revision, signal);
  } catch (error) {
    if (!isBackupError(error, "ETCD_REFUSED")) throw error;
    return await restored.hashKv(member, 0n, signal);
  }
}

async function firstAnswer(
  { verify: { clock } }: DrillContext,
  { etcd, restored }: { readonly etcd: ThrowawayEtcd; readonly restored: SnapshotSource },
  signal: AbortSignal,
): Promise<SnapshotOrigin> {
  let ended: string | undefined;
  etcd.ended.then(
    (said) => {
      ended = said;
    },
    () => undefined,
  );
  for (const start = clock.monotonic(); ; await clock.sleep(ASK_AGAIN_MS, signal)) {
    if (ended !== undefined) throw notStarted(`it ended: ${ended}`);
    const origin = await restored.choose(new Set(), signal).catch((error: unknown) => {
      signal.throwIfAborted();
      // A user or a password that it does not take, it will not take later.
      if (isBackupError(error, "ETCD_REFUSED")) throw error;
      if (clock.monotonic() - start > START_MS) throw notStarted(`no answer within ${START_MS / 1000} s`, error);
    });
    if (origin?.linearized) return origin;
  }
}

/** What the restored etcd serves, against what was written down when the snapshot was taken and against its rows. */
function compareServed(manifest: Manifest, origin: SnapshotOrigin, inspection: Inspection | undefined): Finding[] {
  const { revision, liveKeys, liveKeysRevision } = manifest;
  const figures = [
    ["revision", String(origin.readRevision), revision, "the manifest"],
    ...(liveKeysRevision === revision
      ? [["number of keys", String(origin.liveKeys), String(liveKeys), "the manifest"] as const]
      : []),
    ...(inspection
      ? [["number of keys", String(origin.liveKeys), String(inspection.liveKeys), "the snapshot"] as const]
      : []),
  ] as const;
  return figures
    .filter(([, served, expected]) => served !== expected)
    .map(([what, served, expected, where]) => ({
      code: "RESTORE",
      message: `the ${what} of the restored etcd is ${served}, ${where} says ${expected}`,
    }));
}

function notStarted(why: string, cause?: unknown): BackupError {
  return new BackupError("TOOL_FAILED", `Cannot start the restored etcd: ${why}`, {
    hint: "See whether that etcd is as new as the one that was backed up; name another with --etcd",
    cause,
  });
}
