import { GetObjectCommand, HeadObjectCommand, type HeadObjectCommandOutput } from "@aws-sdk/client-s3";
import type { ObjectKey } from "../model/layout.ts";
import type { ObjectLock, StoredObject } from "../ports/object-store.ts";
import { type Bucket, nameIn, urlOf } from "./bucket.ts";
import type { Call, Reply } from "./requests.ts";

/** A HEAD that is refused while a GET is not: once for other credentials, once for another region. */
const MAX_TRIES = 3;

/** What HEAD says of an object, with the answer it came in. */
export type Head = Reply<HeadObjectCommandOutput>;

/** HEAD, or `undefined` when there is no such object. */
export async function headObject(
  bucket: Bucket,
  { key, uploading = false }: { readonly key: ObjectKey; readonly uploading?: boolean },
  signal: AbortSignal,
): Promise<Head | undefined> {
  const what = `read the head of "${urlOf(bucket, key)}"`;
  const call: Call<HeadObjectCommandOutput> = {
    what,
    permission: "s3:GetObject",
    tolerate: ["404", "400", "403", "301"],
  };
  const input = { ...nameIn(bucket, key), ...bucket.encryption.access };
  for (let tries = 1; ; tries++) {
    const reply = await bucket.requests.attempt(
      call,
      (client, options) => client.send(new HeadObjectCommand(input), options),
      signal,
    );
    if (!("refused" in reply)) return reply;
    if (reply.refused === "404") return undefined;
    if (!(await mayReadAfterAll(bucket, { key, uploading }, signal))) return undefined;
    // Something in between answers HEAD otherwise than GET.
    if (tries === MAX_TRIES) throw reply.error;
  }
}

/**
 * The answer to a HEAD has no body and so no error code. A GET of one byte tells why it was refused, and waits for
 * other credentials or moves to another region where that helps; then HEAD is tried again.
 */
async function mayReadAfterAll(
  bucket: Bucket,
  { key, uploading }: { readonly key: ObjectKey; readonly uploading: boolean },
  signal: AbortSignal,
): Promise<boolean> {
  const what = `read the head of "${urlOf(bucket, key)}"`;
  const input = { ...nameIn(bucket, key), ...bucket.encryption.access, Range: "bytes=0-0" };
  const reply = await bucket.requests.attempt(
    { what, permission: "s3:GetObject", uploading, tolerate: ["NoSuchKey", "InvalidRange"] },
    async (client, options) => {
      const output = await client.send(new GetObjectCommand(input), options);
      await output.Body?.transformToByteArray();
      return true;
    },
    signal,
  );
  return !("refused" in reply) || reply.refused === "InvalidRange";
}

/** The object as HEAD shows it. `storedAt` is Last-Modified. */
export function toStoredObject(key: ObjectKey, { output }: Head): StoredObject {
  const lock = lockOf(output);
  return {
    key,
    size: output.ContentLength ?? 0,
    storedAt: output.LastModified?.getTime() ?? 0,
    ...(output.ETag === undefined ? {} : { etag: output.ETag }),
    ...(isVersion(output.VersionId) ? { versionId: output.VersionId } : {}),
    ...(lock === undefined ? {} : { lock }),
    metadata: output.Metadata ?? {},
  };
}

/** S3 calls the only version of an unversioned object "null". */
export function isVersion(versionId: string | undefined): versionId is string {
  return versionId !== undefined && versionId !== "" && versionId !== "null";
}

export function lockOf(head: HeadObjectCommandOutput): ObjectLock | undefined {
  const mode = head.ObjectLockMode;
  const until = head.ObjectLockRetainUntilDate?.getTime();
  return mode === undefined || until === undefined ? undefined : { mode, until };
}
