import { PutObjectCommand, type PutObjectCommandOutput } from "@aws-sdk/client-s3";
import { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { CreateOutcome, StoredObject } from "../ports/object-store.ts";
import { type Bucket, nameIn, urlOf } from "./bucket.ts";
import { headObject, isVersion, toStoredObject } from "./head.ts";
import { getObject } from "./reading.ts";
import type { Reply } from "./requests.ts";
import { attemptBody } from "./send-body.ts";

export interface SmallObject {
  readonly key: ObjectKey;
  readonly body: Uint8Array;
}

/**
 * Writes an object that must not exist yet. `If-None-Match: *` decides between two writers (S3 API, PutObject). The
 * look beforehand is for services that ignore it: there it leaves a moment open, and no more than that.
 */
export async function createObject(
  bucket: Bucket,
  small: SmallObject,
  signal: AbortSignal,
): Promise<{ outcome: CreateOutcome; object: StoredObject }> {
  if ((await headObject(bucket, small, signal)) !== undefined) return await compareExisting(bucket, small, signal);
  const reply = await put(bucket, { ...small, ifNoneMatch: true }, signal);
  if (!("refused" in reply)) return { outcome: "created", object: toObject(bucket, small, reply) };
  if (reply.refused === "PreconditionFailed" || reply.refused === "412") {
    return await compareExisting(bucket, small, signal);
  }
  return { outcome: "created", object: await replaceObject(bucket, small, signal) };
}

/** Writes an object, over another if there is one. */
export async function replaceObject(bucket: Bucket, small: SmallObject, signal: AbortSignal): Promise<StoredObject> {
  const reply = await put(bucket, { ...small, ifNoneMatch: false }, signal);
  if ("refused" in reply) throw reply.error;
  return toObject(bucket, small, reply);
}

async function put(
  bucket: Bucket,
  { key, body, ifNoneMatch }: SmallObject & { readonly ifNoneMatch: boolean },
  signal: AbortSignal,
) {
  const input = { ...nameIn(bucket, key), ...bucket.encryption.create, ...(ifNoneMatch ? { IfNoneMatch: "*" } : {}) };
  const { reply } = await attemptBody<PutObjectCommandOutput>(
    bucket,
    {
      call: {
        what: `write "${urlOf(bucket, key)}"`,
        permission: "s3:PutObject",
        tolerate: ifNoneMatch ? ["PreconditionFailed", "412", "NotImplemented", "501"] : [],
      },
      body,
      guard: () => bucket.integrity.forSingle(),
      send: (fields, client, options) =>
        client.send(new PutObjectCommand({ ...input, ...fields, Body: body }), options),
    },
    signal,
  );
  return reply;
}

/** A retry whose first answer was lost meets its own success here. */
async function compareExisting(bucket: Bucket, { key, body }: SmallObject, signal: AbortSignal) {
  const existing = await getObject(bucket, key, signal);
  const head = await headObject(bucket, { key }, signal);
  if (existing !== undefined && head !== undefined && Buffer.compare(existing, body) === 0) {
    return { outcome: "identical", object: toStoredObject(key, head) } as const;
  }
  throw new BackupError("STORE_CONFLICT", `Cannot create "${urlOf(bucket, key)}": another object is there already`, {
    hint: "Find out who else writes to this folder: two clusters or nodes may share one name",
  });
}

function toObject(bucket: Bucket, { key, body }: SmallObject, { output }: Reply<PutObjectCommandOutput>): StoredObject {
  return {
    key,
    size: body.length,
    storedAt: bucket.requests.now(),
    ...(output.ETag === undefined ? {} : { etag: output.ETag }),
    ...(isVersion(output.VersionId) ? { versionId: output.VersionId } : {}),
  };
}
