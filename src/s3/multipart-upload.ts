import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import { type Bucket, nameIn, urlOf } from "./bucket.ts";
import { encodeCrc } from "./integrity.ts";
import { sendBody } from "./send-body.ts";
import type { Slab } from "./slab-pool.ts";
import type { WriteAttributes } from "./write-attributes.ts";

export interface UploadPlan {
  readonly key: ObjectKey;
  readonly metadata: Readonly<Record<string, string>>;
  readonly attributes: WriteAttributes;
}

/** A multipart upload that S3 has accepted. */
export interface MultipartUpload {
  readonly key: ObjectKey;
  readonly uploadId: string;
  /** Whether the answer to an earlier request to create it was lost, so that there may be a second one. */
  readonly mayHaveTwin: boolean;
}

/**
 * Begins a multipart upload. The first one of a store also probes with a wrong checksum, in this upload and so
 * without leaving an object, what the service verifies; where it does not, the upload is begun anew without.
 */
export async function beginUpload(bucket: Bucket, plan: UploadPlan, signal: AbortSignal): Promise<MultipartUpload> {
  const upload = await createUpload(bucket, plan, signal);
  if (upload === undefined) return await beginUpload(bucket, plan, signal);
  if (!bucket.integrity.needsProbe) return upload;
  const verified = await refusesWrongCrc(bucket, upload, signal);
  bucket.integrity.probed(verified);
  if (bucket.integrity.declaresCrc) return upload;
  await abortUpload(bucket, upload, signal);
  const anew = await beginUpload(bucket, plan, signal);
  return { ...anew, mayHaveTwin: anew.mayHaveTwin || upload.mayHaveTwin };
}

/** `undefined` when the service does not know checksums (R2 and others answer 501 or 400): then try without. */
async function createUpload(
  bucket: Bucket,
  { key, metadata, attributes }: UploadPlan,
  signal: AbortSignal,
): Promise<MultipartUpload | undefined> {
  const { declaresCrc, needsProbe } = bucket.integrity;
  const input = {
    ...nameIn(bucket, key),
    Metadata: { ...metadata },
    ...attributes.fields,
    ...bucket.encryption.create,
    ...(declaresCrc ? ({ ChecksumAlgorithm: "CRC32" } as const) : {}),
  };
  const reply = await bucket.requests.attempt(
    {
      what: `begin upload of "${urlOf(bucket, key)}"`,
      permission: "s3:PutObject",
      tolerate: needsProbe ? ["NotImplemented", "InvalidArgument", "InvalidRequest", "501"] : [],
    },
    (client, options) => client.send(new CreateMultipartUploadCommand(input), options),
    signal,
  );
  if ("refused" in reply) {
    if (!needsProbe || bucket.config.checksum === "crc") throw reply.error;
    bucket.integrity.probed(false);
    return undefined;
  }
  return { key, uploadId: requireText(reply.output.UploadId, "an upload id"), mayHaveTwin: reply.attempts > 1 };
}

async function refusesWrongCrc(bucket: Bucket, upload: MultipartUpload, signal: AbortSignal): Promise<boolean> {
  const input = { ...partOf(bucket, upload), PartNumber: 1, Body: Buffer.from("?"), ChecksumCRC32: encodeCrc(1) };
  const reply = await bucket.requests.attempt(
    {
      what: `probe checksums with "${urlOf(bucket, upload.key)}"`,
      permission: "s3:PutObject",
      uploading: true,
      tolerate: [
        "BadDigest",
        "XAmzContentChecksumMismatch",
        "InvalidRequest",
        "InvalidArgument",
        "NotImplemented",
        "501",
      ],
    },
    (client, options) => client.send(new UploadPartCommand(input), options),
    signal,
  );
  return "refused" in reply && /^(BadDigest|XAmzContentChecksumMismatch)$/.test(reply.refused);
}

/** Uploads one part until S3 has it whole. */
export async function uploadPart(
  bucket: Bucket,
  { upload, number, slab }: { readonly upload: MultipartUpload; readonly number: number; readonly slab: Slab },
  signal: AbortSignal,
): Promise<CompletedPart> {
  const body = slab.bytes;
  const { reply, digests } = await sendBody(
    bucket,
    {
      call: {
        what: `upload part ${number} of "${urlOf(bucket, upload.key)}"`,
        permission: "s3:PutObject",
        uploading: true,
      },
      body,
      crc32: slab.crc32,
      guard: () => bucket.integrity.forPart(),
      send: (fields, client, options) =>
        client.send(
          new UploadPartCommand({ ...partOf(bucket, upload), PartNumber: number, Body: body, ...fields }),
          options,
        ),
    },
    signal,
  );
  const { ChecksumCRC32 } = digests.fields;
  return {
    PartNumber: number,
    ETag: requireText(reply.output.ETag, "an ETag"),
    ...(ChecksumCRC32 ? { ChecksumCRC32 } : {}),
  };
}

/**
 * Makes the object appear. `appeared` looks whether it is there: a lost answer, a 5xx or a second try that finds no
 * upload may all stand for success.
 */
export async function completeUpload(
  bucket: Bucket,
  {
    upload,
    parts,
    appeared,
  }: {
    readonly upload: MultipartUpload;
    readonly parts: readonly CompletedPart[];
    readonly appeared: () => Promise<boolean>;
  },
  signal: AbortSignal,
): Promise<void> {
  const input = {
    ...nameIn(bucket, upload.key),
    ...bucket.encryption.access,
    UploadId: upload.uploadId,
    MultipartUpload: { Parts: [...parts] },
  };
  const reply = await bucket.requests.attempt(
    {
      what: `complete upload of "${urlOf(bucket, upload.key)}"`,
      permission: "s3:PutObject",
      uploading: true,
      tolerate: ["NoSuchUpload"],
      recover: async () => ((await appeared()) ? true : undefined),
    },
    async (client, options) => {
      await client.send(new CompleteMultipartUploadCommand(input), options);
      return true;
    },
    signal,
  );
  if ("refused" in reply && !(await appeared())) throw reply.error;
}

/** Ends an unfinished upload; none of that name is no error. Resolves to whether there was one. */
export async function abortUpload(
  bucket: Bucket,
  { key, uploadId }: { readonly key: ObjectKey; readonly uploadId: string },
  signal: AbortSignal,
): Promise<boolean> {
  const reply = await bucket.requests.attempt(
    {
      what: `abort upload of "${urlOf(bucket, key)}"`,
      permission: "s3:AbortMultipartUpload",
      tolerate: ["NoSuchUpload", "NoSuchKey"],
    },
    (client, options) =>
      client.send(new AbortMultipartUploadCommand({ ...nameIn(bucket, key), UploadId: uploadId }), options),
    signal,
  );
  return !("refused" in reply);
}

function partOf(bucket: Bucket, { key, uploadId }: MultipartUpload) {
  return { ...nameIn(bucket, key), ...bucket.encryption.access, UploadId: uploadId };
}

function requireText(text: string | undefined, what: string): string {
  if (text !== undefined && text !== "") return text;
  throw new BackupError("STORE_REFUSED", `Cannot upload: the service answers without ${what}`, {
    hint: "Check that s3.endpoint is the S3 API and that nothing in between strips headers",
  });
}
