import { PutObjectRetentionCommand, PutObjectTaggingCommand } from "@aws-sdk/client-s3";
import { BackupError } from "../errors.ts";
import type { ObjectLock, WrittenObject } from "../ports/object-store.ts";
import { type Bucket, nameIn, urlOf } from "./bucket.ts";
import { type Head, headObject, lockOf, toStoredObject } from "./head.ts";
import type { UploadPlan } from "./multipart-upload.ts";

const MEDDLED = "Find out who else writes or deletes in this folder, and whether the service is healthy";
const STRIPPED = "Look for a proxy between here and s3.endpoint that strips headers beginning with x-amz-meta-";
const UNSUPPORTED = "See whether the bucket and this service support what s3.sse and s3.objectLock ask for";

/** What was sent, to be compared with what is there. */
export interface Sent {
  readonly plan: UploadPlan;
  readonly size: number;
  readonly parts: number;
  /** Whether it went in one PUT. */
  readonly isWhole: boolean;
}

/** The head of the object that is there now, if it is the one of this run: its metadata names the run. */
export async function findOurs(bucket: Bucket, { plan, size }: Sent, signal: AbortSignal): Promise<Head | undefined> {
  const head = await headObject(bucket, { key: plan.key, uploading: true }, signal);
  const isOurs = head !== undefined && head.output.ContentLength === size && hasMetadata(head, plan.metadata);
  return isOurs ? head : undefined;
}

/** Reads the new object's head back and compares. Rejects when anything is missing that was asked for. */
export async function confirmObject(bucket: Bucket, sent: Sent, signal: AbortSignal): Promise<WrittenObject> {
  const { plan, size, parts } = sent;
  const head = await headObject(bucket, { key: plan.key, uploading: true }, signal);
  if (head === undefined) throw untrue(bucket, plan, ["it is not there after the service said that it is", MEDDLED]);
  if (head.output.ContentLength !== size) {
    throw untrue(bucket, plan, [`the service holds ${head.output.ContentLength} bytes of ${size}`, MEDDLED]);
  }
  if (!hasMetadata(head, plan.metadata)) {
    throw untrue(bucket, plan, ["the service has dropped its metadata", STRIPPED]);
  }
  requireEncryption(bucket, plan, head);
  await requireTags(bucket, { sent, head }, signal);
  const locked = await requireLock(bucket, { plan, head }, signal);
  return { ...toStoredObject(plan.key, locked), storedAt: bucket.requests.now(), parts };
}

function hasMetadata({ output }: Head, wanted: UploadPlan["metadata"]): boolean {
  return Object.entries(wanted).every(([name, value]) => output.Metadata?.[name.toLowerCase()] === value);
}

/** RGW 16 takes SSE-S3 for an answer and stores plain bytes. */
function requireEncryption(bucket: Bucket, plan: UploadPlan, { output }: Head): void {
  const wanted = bucket.encryption.create.ServerSideEncryption;
  if (wanted === undefined || output.ServerSideEncryption === wanted) return;
  throw untrue(bucket, plan, [`the service has stored it without encryption "${wanted}"`, UNSUPPORTED]);
}

/** RGW 16 and 18 drop the tags that a multipart upload asks for; AWS keeps them. */
async function requireTags(
  bucket: Bucket,
  { sent, head }: { readonly sent: Sent; readonly head: Head },
  signal: AbortSignal,
): Promise<void> {
  const TagSet = Object.entries(bucket.config.tags).map(([Key, Value]) => ({ Key, Value }));
  if (TagSet.length === 0 || sent.isWhole || bucket.options.endpoint === "") return;
  const { key } = sent.plan;
  const { VersionId } = head.output;
  const input = { ...nameIn(bucket, key), ...(VersionId === undefined ? {} : { VersionId }), Tagging: { TagSet } };
  await bucket.requests.run(
    { what: `tag "${urlOf(bucket, key)}"`, permission: "s3:PutObjectTagging" },
    (client, options) => client.send(new PutObjectTaggingCommand(input), options),
    signal,
  );
}

/**
 * RGW 16 and 18 drop the lock that a multipart upload asks for. It is then set by itself; if there is none even so,
 * the bucket cannot lock, and a snapshot that was to be locked must not count.
 */
async function requireLock(
  bucket: Bucket,
  { plan, head }: { readonly plan: UploadPlan; readonly head: Head },
  signal: AbortSignal,
): Promise<Head> {
  const wanted = plan.attributes.lock;
  if (wanted === undefined || isLocked(head, wanted)) return head;
  await putRetention(bucket, { plan, head, wanted }, signal);
  const again = await headObject(bucket, { key: plan.key, uploading: true }, signal);
  if (again !== undefined && isLocked(again, wanted)) return again;
  throw untrue(bucket, plan, ["the service has not locked it", UNSUPPORTED]);
}

function isLocked({ output }: Head, wanted: ObjectLock): boolean {
  const lock = lockOf(output);
  return lock !== undefined && lock.mode === wanted.mode && lock.until >= wanted.until;
}

/** Locks an object that is there already. */
export async function putRetention(
  bucket: Bucket,
  { plan, head, wanted }: { readonly plan: UploadPlan; readonly head: Head; readonly wanted: ObjectLock },
  signal: AbortSignal,
): Promise<void> {
  const { VersionId } = head.output;
  const Retention = { Mode: wanted.mode, RetainUntilDate: new Date(wanted.until) };
  const input = { ...nameIn(bucket, plan.key), ...(VersionId === undefined ? {} : { VersionId }), Retention };
  await bucket.requests.run(
    { what: `lock "${urlOf(bucket, plan.key)}"`, permission: "s3:PutObjectRetention" },
    (client, options) => client.send(new PutObjectRetentionCommand(input), options),
    signal,
  );
}

function untrue(bucket: Bucket, plan: UploadPlan, [why, hint]: readonly [why: string, hint: string]): BackupError {
  return new BackupError("STORE_REFUSED", `Cannot trust "${urlOf(bucket, plan.key)}": ${why}`, { hint });
}
