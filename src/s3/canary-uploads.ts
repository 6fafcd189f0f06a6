import type { ObjectKey } from "../model/layout.ts";
import type { LockOutcome } from "../ports/bucket-probe.ts";
import type { ObjectLock } from "../ports/object-store.ts";
import type { Bucket } from "./bucket.ts";
import { confirmObject, putRetention } from "./completion.ts";
import { type Head, headObject, lockOf } from "./head.ts";
import { Integrity } from "./integrity.ts";
import { listUploads } from "./listing.ts";
import { abortUpload, beginUpload, completeUpload, type UploadPlan, uploadPart } from "./multipart-upload.ts";
import { Slab } from "./slab-pool.ts";
import { type WriteAttributes, writeAttributes } from "./write-attributes.ts";

interface Written {
  readonly key: ObjectKey;
  readonly body: Uint8Array;
}

/** In the form of Ceph RGW's, which other services do not know either. */
const NO_UPLOAD = "2~none";
/** Long enough for the requests that follow, short enough to wait for its end. */
const LOCK_MS = 8_000;

/**
 * Uploads a body in one part, with all that a snapshot gets but for a lock, and looks at the outcome. Aborting what does
 * not exist comes first: whoever may not do that could not clear away what it has begun.
 */
export async function uploadInParts(bucket: Bucket, { key, body }: Written, signal: AbortSignal): Promise<void> {
  await abortUpload(bucket, { key, uploadId: NO_UPLOAD }, signal);
  const plan = planFor(bucket, key);
  await upload(bucket, { plan, body }, signal);
  await confirmObject(bucket, { plan, size: body.length, parts: 1, isWhole: false }, signal);
}

/** Whether an upload is listed among the unfinished until it is aborted. */
export async function tryAbort(
  bucket: Bucket,
  { key, prefix }: { readonly key: ObjectKey; readonly prefix: ObjectKey },
  signal: AbortSignal,
): Promise<boolean> {
  const { uploadId } = await beginUpload(bucket, planFor(bucket, key), signal);
  const isListed = async (): Promise<boolean> =>
    (await Array.fromAsync(listUploads(bucket, prefix, signal))).some((listed) => listed.uploadId === uploadId);
  const wasListed = await isListed();
  await abortUpload(bucket, { key, uploadId }, signal);
  return wasListed && !(await isListed());
}

/** Whether a part with a wrong CRC32 is refused: what `beginUpload` tries by itself over TLS, with the first upload. */
export async function refusesWrongChecksum(bucket: Bucket, key: ObjectKey, signal: AbortSignal): Promise<boolean> {
  const config = { ...bucket.config, checksum: "auto" } as const;
  const integrity = new Integrity(config, true);
  const begun = await beginUpload({ ...bucket, config, integrity }, planFor(bucket, key), signal);
  await abortUpload(bucket, begun, signal);
  return integrity.forPart().crc;
}

/** What becomes of a lock that an upload in parts asks for. */
export async function lockOutcomeOf(bucket: Bucket, { key, body }: Written, signal: AbortSignal): Promise<LockOutcome> {
  const lock = lockUntil(bucket);
  const fields = { ObjectLockMode: lock.mode, ObjectLockRetainUntilDate: new Date(lock.until) } as const;
  const plan = planFor(bucket, key, { fields, lock });
  await upload(bucket, { plan, body }, signal);
  const head = await headObject(bucket, { key }, signal);
  if (head === undefined) return "dropped";
  if (isLocked(head, lock)) return "kept";
  const wanted = lockUntil(bucket);
  await putRetention(bucket, { plan, head, wanted }, signal);
  const again = await headObject(bucket, { key }, signal);
  return again !== undefined && isLocked(again, wanted) ? "setAfterwards" : "dropped";
}

async function upload(
  bucket: Bucket,
  { plan, body }: { readonly plan: UploadPlan; readonly body: Uint8Array },
  signal: AbortSignal,
): Promise<void> {
  const begun = await beginUpload(bucket, plan, signal);
  const slab = new Slab(body.length, false);
  slab.append(body);
  const part = await uploadPart(bucket, { upload: begun, number: 1, slab }, signal);
  const appeared = async (): Promise<boolean> => (await headObject(bucket, { key: plan.key }, signal)) !== undefined;
  await completeUpload(bucket, { upload: begun, parts: [part], appeared }, signal);
}

/** As a snapshot's, but for the lock: that would keep the canary as long as a snapshot. */
function planFor(bucket: Bucket, key: ObjectKey, lock?: WriteAttributes): UploadPlan {
  const { ObjectLockMode: _mode, ObjectLockRetainUntilDate: _until, ...fields } = writeAttributes(bucket).fields;
  const attributes = { fields: { ...fields, ...lock?.fields }, lock: lock?.lock };
  return { key, metadata: { canary: "doctor" }, attributes };
}

function lockUntil({ requests }: Bucket): ObjectLock {
  return { mode: "GOVERNANCE", until: Math.floor((requests.now() + LOCK_MS) / 1000) * 1000 };
}

function isLocked({ output }: Head, wanted: ObjectLock): boolean {
  const lock = lockOf(output);
  return lock !== undefined && lock.mode === wanted.mode && lock.until >= wanted.until;
}
