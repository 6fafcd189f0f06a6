import { BackupError, isBackupError } from "../errors.ts";
import { encodingOf } from "../model/compression.ts";
import type { ClusterIdentity } from "../model/identity.ts";
import type { Manifest, Revision } from "../model/manifest.ts";
import { type SnapshotName, snapshotName } from "../model/snapshot-name.ts";
import { formatInstant, type Instant } from "../model/time.ts";
import type { WrittenObject } from "../ports/object-store.ts";
import type { SnapshotOrigin } from "../ports/snapshot-source.ts";
import { type FanOut, fanOut } from "../wrap/fan-out.ts";
import { spooledWriter } from "../wrap/spooled-writer.ts";
import type { BackupContext } from "./context.ts";
import { describeSnapshot } from "./describe-snapshot.ts";
import { type Destination, failuresOf, type Outcome, onEach, valuesOf } from "./destination.ts";
import { createEncoder } from "./encoder.ts";
import { guardHold } from "./hold-guard.ts";
import { claimFolder, type Folder } from "./identity.ts";
import { StreamCheck } from "./stream-check.ts";
import { abandonUpload, beginUpload, sealUpload, type Upload } from "./upload.ts";

export interface BackupRequest {
  readonly kind: Manifest["kind"];
  /** The scheduled moment that the snapshot belongs to; of an on-demand one, now. */
  readonly tick: Instant;
  /** First part of the snapshot's name. */
  readonly prefix: string;
  readonly destinations: readonly Destination[];
  /** Told of the bytes that have come and of those that there are, for each message of the stream. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface BackupResult {
  readonly name: SnapshotName;
  /** One for each destination of the request. */
  readonly outcomes: readonly Outcome<Manifest>[];
}

/**
 * Takes one snapshot and stores it in every destination, from one stream. Resolves when at least one
 * holds it; the outcomes say which do not. Rejects when none does, with the first one's reason. A
 * member whose stream breaks or whose bytes are wrong is passed over once for another; an upload that is another
 * account's after a rotation is begun anew once.
 */
export async function takeBackup(
  context: BackupContext,
  request: BackupRequest,
  signal: AbortSignal,
): Promise<BackupResult> {
  const looked = await onEach(
    request.destinations.map((destination) => ({ destination })),
    ({ destination }) => lookAt(destination, signal),
  );
  failUnlessAny(looked, signal);
  context.releaseMemory?.();
  const tried = new Set<string>();
  let restarts = 1;
  for (let failure: unknown; ; ) {
    const origin = await context.source.choose(tried, signal);
    if (tried.has(origin.member.memberId)) throw failure;
    tried.add(origin.member.memberId);
    try {
      return await backUp({ context, request, looked, origin }, signal);
    } catch (error) {
      failure = error;
      if (isBackupError(error, "STORE_UPLOAD_LOST") && restarts-- > 0) {
        tried.delete(origin.member.memberId);
        continue;
      }
      if (!isBackupError(error, "ETCD_STREAM_BROKEN", "SNAPSHOT_CORRUPT")) throw error;
      context.telemetry.warning("Snapshot of a member cannot be used", {
        member: origin.member.memberName,
        err: error,
      });
    }
  }
}

/**
 * Looks at what a destination holds. It comes before the linearizable read, so that every revision seen
 * here is at most the one that the read returns, whichever node stored it.
 */
async function lookAt(destination: Destination, signal: AbortSignal): Promise<Folder> {
  const identity = await destination.catalog.identity(signal);
  const before = await destination.catalog.newest(signal);
  return { destination, identity, before };
}

interface Run {
  readonly context: BackupContext;
  readonly request: BackupRequest;
  readonly looked: readonly Outcome<Folder>[];
  readonly origin: SnapshotOrigin;
}

async function backUp(run: Run, signal: AbortSignal): Promise<BackupResult> {
  const { context, request, origin } = run;
  const startedAt = context.clock.now();
  const name = snapshotName({ prefix: request.prefix, node: context.node, at: startedAt, random: context.random });
  const claimed = await claimFolders(run, signal);
  const begun = await onEach(valuesOf(claimed), (folder) => beginIn(run, { folder, name }, signal));
  const uploads = valuesOf(begun);
  await using begins = new AsyncDisposableStack();
  for (const { upload } of uploads) begins.defer(() => abandonUpload(context, upload));
  failUnlessAny([...failuresOf(claimed), ...begun], signal);
  announce(run, name);
  const tee = fanOut(uploads.map(({ upload }) => upload.writer));
  const received = await receive({ context, request, uploads, tee, origin }, signal);
  const snapshot = { ...received, origin, kind: request.kind, tick: request.tick, startedAt };
  const sealed = await onEach(uploads, async ({ folder, upload }) => {
    await tee.drained(upload.writer);
    const describe = (object: WrittenObject) => describeSnapshot(context, { folder, name, snapshot, object });
    const manifest = await sealUpload(context, { upload, describe }, signal);
    report(context, { upload, manifest });
    return manifest;
  });
  const outcomes = [...failuresOf(claimed), ...failuresOf(begun), ...sealed];
  failUnlessAny(outcomes, signal);
  return { name, outcomes };
}

type ClaimedFolder = Folder & { readonly identity: ClusterIdentity };

interface Begun {
  readonly destination: Destination;
  readonly folder: ClaimedFolder;
  readonly upload: Upload;
}

async function beginIn(
  { context, request, origin }: Run,
  { folder, name }: { readonly folder: ClaimedFolder; readonly name: SnapshotName },
  signal: AbortSignal,
): Promise<Begun> {
  const { destination, identity } = folder;
  const metadata = { uuid: identity.uuid, node: context.node, tick: formatInstant(request.tick), run: name };
  const encoding = encodingOf(context.compression);
  const plan = { destination, name, encoding, expectedSize: origin.member.dbSize, metadata };
  const upload = await beginUpload(context, plan, signal);
  return { destination, folder, upload: { ...upload, writer: await runAhead(context, upload, signal) } };
}

/** Puts the spool in front of S3, so that etcd need not wait for it. Without room on disk it goes without. */
async function runAhead(context: BackupContext, { destination, writer }: Upload, signal: AbortSignal) {
  if (!context.spool || destination.store.kind === "directory") return writer;
  try {
    return spooledWriter(writer, await context.spool.open(signal));
  } catch (error) {
    if (!isBackupError(error)) throw error;
    context.telemetry.warning("Cannot use the spool", { err: error });
    return writer;
  }
}

function announce({ context, request, origin }: Run, name: SnapshotName): void {
  const { telemetry } = context;
  if (!origin.linearized) {
    telemetry.warning("The cluster has no quorum: the snapshot is one member's own view", { snapshot: name });
  }
  telemetry.backupStarted({ snapshot: name, tick: request.tick, member: origin.member.memberName });
}

/** Refuses the whole run when one folder is another cluster's: then the configuration is wrong. */
async function claimFolders({ context, looked, origin }: Run, signal: AbortSignal): Promise<Outcome<ClaimedFolder>[]> {
  const { clusterId } = origin.member;
  const folders = valuesOf(looked);
  const [uuid = context.newUuid()] = folders.flatMap(
    ({ identity, before }) => identity?.uuid ?? before?.clusterUuid ?? [],
  );
  const claimed = await onEach(folders, async (folder) => ({
    ...folder,
    identity: await claimFolder(context, { folder, clusterId, uuid }, signal),
  }));
  const foreign = failuresOf(claimed).find(({ error }) => isBackupError(error, "IDENTITY_MISMATCH"));
  if (foreign) throw foreign.error;
  return [...failuresOf(looked), ...claimed];
}

interface Reception {
  readonly context: BackupContext;
  readonly request: BackupRequest;
  readonly uploads: readonly Begun[];
  readonly tee: FanOut;
  readonly origin: SnapshotOrigin;
}

/** Streams the snapshot into all uploads, checked on the way. Nothing is completed here. */
async function receive({ context, request, uploads, tee, origin }: Reception, signal: AbortSignal) {
  const { source, holdLimitMs, clock } = context;
  const { member } = origin;
  using guard = guardHold({ source, member, holdLimitMs, clock }, signal);
  await using stream = await source.open(member, guard.signal);
  const { snapshotSize } = stream;
  if (context.compression.algorithm === "none") for (const { upload } of uploads) upload.writer.expect(snapshotSize);
  const check = new StreamCheck(snapshotSize);
  const encoder = createEncoder(context.compression, (chunk) => tee.write(chunk));
  await stream.pump((blob) => {
    check.write(blob);
    request.onProgress?.(check.position, snapshotSize);
    return encoder.write(blob);
  });
  const checked = check.finish();
  refuseStale(checked.revision, origin);
  const storedSha256 = await encoder.finish(checked.snapshotSha256);
  const finishedAt = clock.now();
  return {
    ...checked,
    snapshotSize,
    storedSha256,
    finishedAt,
    ...(await countLive(context, { ...checked, origin }, signal)),
  };
}

/** The keys that the snapshot holds; when etcd no longer tells, those that it had when the member was chosen. */
async function countLive(
  { source }: BackupContext,
  { revision, origin }: { readonly revision: Revision; readonly origin: SnapshotOrigin },
  signal: AbortSignal,
): Promise<{ readonly liveKeys: number; readonly liveKeysRevision: Revision }> {
  const { member, readRevision, liveKeys } = origin;
  if (revision === readRevision) return { liveKeys, liveKeysRevision: revision };
  try {
    return { liveKeys: await source.countKeys(member, revision, signal), liveKeysRevision: revision };
  } catch (error) {
    signal.throwIfAborted();
    if (!isBackupError(error)) throw error;
    return { liveKeys, liveKeysRevision: readRevision };
  }
}

/** A member that was cut off from the others may send what was true an hour ago. */
function refuseStale(revision: Revision, { member, readRevision }: SnapshotOrigin): void {
  if (revision >= readRevision) return;
  throw new BackupError(
    "ETCD_STREAM_BROKEN",
    `Cannot use the snapshot of member "${member.memberName}": its revision ${revision} is older than ${readRevision}, which was read through it before`,
    { hint: "See whether that member is cut off from the others: `etcdctl endpoint status --cluster`" },
  );
}

function report(context: BackupContext, { upload, manifest }: { upload: Upload; manifest: Manifest }): void {
  const { clock, telemetry } = context;
  const durationMs = clock.now() - Date.parse(manifest.startedAt);
  telemetry.backupFinished({ store: upload.destination.store.url(""), manifest, durationMs });
  if (manifest.suspect.length > 0) telemetry.historySuspect({ snapshot: manifest.name, reasons: manifest.suspect });
}

/** Fails the run when no destination is left, with the reason of the first; an interruption goes first. */
function failUnlessAny(outcomes: readonly Outcome<unknown>[], signal: AbortSignal): void {
  signal.throwIfAborted();
  const [failure, ...others] = failuresOf(outcomes);
  if (failure && others.length + 1 === outcomes.length) throw failure.error;
}
