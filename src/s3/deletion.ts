import { DeleteObjectCommand, type DeleteObjectCommandOutput } from "@aws-sdk/client-s3";
import { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { DeleteOutcome } from "../ports/object-store.ts";
import { type Bucket, nameIn, urlOf } from "./bucket.ts";
import { findOurs, type Sent } from "./completion.ts";
import { type Head, headObject, isVersion, lockOf } from "./head.ts";
import type { Refusal, Reply } from "./requests.ts";

/** Deletes an object and looks again: some services answer "deleted" without doing it. */
export async function deleteObject(bucket: Bucket, key: ObjectKey, signal: AbortSignal): Promise<DeleteOutcome> {
  const head = await headObject(bucket, { key }, signal);
  if (head === undefined) return "absent";
  const reply = await sendDelete(bucket, { key }, signal);
  if ("refused" in reply) {
    if (isHeld(bucket, head)) return "locked";
    throw reply.error;
  }
  const after = await headObject(bucket, { key }, signal);
  if (after !== undefined) return stillThere(bucket, { key, head: after });
  // A marker with a version of its own hides what was there; under suspended versioning it takes its place.
  const isHidden = isVersion(head.output.VersionId) || isVersion(reply.output.VersionId);
  return isHidden ? "versionKept" : "deleted";
}

/** Removes an object that appeared in a run that failed: by its version, so that no delete marker remains. */
export async function deleteAppeared(bucket: Bucket, sent: Sent, signal: AbortSignal): Promise<void> {
  const { key } = sent.plan;
  const head = await findOurs(bucket, sent, signal);
  if (head === undefined) return;
  const versionId = head.output.VersionId;
  const reply = await sendDelete(bucket, isVersion(versionId) ? { key, versionId } : { key }, signal);
  if ("refused" in reply && isVersion(versionId)) await sendDelete(bucket, { key }, signal);
}

async function sendDelete(
  bucket: Bucket,
  { key, versionId }: { readonly key: ObjectKey; readonly versionId?: string },
  signal: AbortSignal,
): Promise<Reply<DeleteObjectCommandOutput> | Refusal> {
  const input = { ...nameIn(bucket, key), ...(versionId === undefined ? {} : { VersionId: versionId }) };
  return await bucket.requests.attempt(
    {
      what: `delete "${urlOf(bucket, key)}"`,
      permission: versionId === undefined ? "s3:DeleteObject" : "s3:DeleteObjectVersion",
      tolerate: ["AccessDenied", "ObjectLocked", "InvalidRequest", "403"],
    },
    (client, options) => client.send(new DeleteObjectCommand(input), options),
    signal,
  );
}

function stillThere(bucket: Bucket, { key, head }: { readonly key: ObjectKey; readonly head: Head }): DeleteOutcome {
  if (isHeld(bucket, head)) return "locked";
  throw new BackupError("STORE_REFUSED", `Cannot delete "${urlOf(bucket, key)}": it is still there afterwards`, {
    hint: "See whether the bucket has a lock or retention rule that the service applies silently",
  });
}

function isHeld(bucket: Bucket, { output }: Head): boolean {
  return (lockOf(output)?.until ?? 0) > bucket.requests.now() || output.ObjectLockLegalHoldStatus === "ON";
}
