import type { S3Client } from "@aws-sdk/client-s3";
import type { Bucket } from "./bucket.ts";
import { type Digests, digestsOf, type Guard } from "./integrity.ts";
import type { Call, Refusal, Reply } from "./requests.ts";

/** What of an answer tells whether its ETag is an MD5. */
interface Stored {
  readonly ETag?: string | undefined;
  readonly ServerSideEncryption?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
}

export interface Body<T> {
  readonly call: Omit<Call<T>, "payloadHash" | "check">;
  readonly body: Uint8Array;
  /** Its CRC32, if that is known. */
  readonly crc32?: number | undefined;
  readonly guard: () => Guard;
  readonly send: (fields: Digests["fields"], client: S3Client, options: { abortSignal: AbortSignal }) => Promise<T>;
}

/**
 * Sends a body under the store's guards. A bucket with object lock that turns out to demand a checksum gets one,
 * from then on. Rejects with tolerated refusals too: `attemptBody` does not.
 */
export async function sendBody<T extends Stored>(
  bucket: Bucket,
  body: Body<T>,
  signal: AbortSignal,
): Promise<{ reply: Reply<T>; digests: Digests }> {
  const { reply, digests } = await attemptBody(bucket, body, signal);
  if ("refused" in reply) throw reply.error;
  return { reply, digests };
}

/** As `sendBody`, but resolves with the refusals that the call tolerates. */
export async function attemptBody<T extends Stored>(
  bucket: Bucket,
  request: Body<T>,
  signal: AbortSignal,
): Promise<{ reply: Reply<T> | Refusal; digests: Digests }> {
  const { call, body, guard, send } = request;
  const digests = digestsOf(body, guard(), request.crc32);
  const reply = await bucket.requests.attempt(
    {
      ...call,
      payloadHash: digests.payloadHash,
      tolerate: [...(call.tolerate ?? []), "InvalidRequest", "MissingContentMD5"],
      check: (output) => requireSameMd5(bucket, digests, output),
    },
    (client, options) => send(digests.fields, client, options),
    signal,
  );
  if (!("refused" in reply) || call.tolerate?.includes(reply.refused)) return { reply, digests };
  if (!demandsChecksum(reply) || digests.md5Hex !== undefined) throw reply.error;
  bucket.integrity.demandMd5();
  return await attemptBody(bucket, request, signal);
}

function demandsChecksum({ refused, failure }: Refusal): boolean {
  return refused === "MissingContentMD5" || /content-md5|x-amz-checksum/i.test(failure.detail);
}

/**
 * An ETag that is an MD5 says what the service has stored. A bucket may encrypt by a default of its own, under which it
 * is none although it looks like one (S3 API, Object: "ETag").
 */
function requireSameMd5({ encryption }: Bucket, { md5Hex }: Digests, output: Stored): void {
  const stored = /^"?([0-9a-f]{32})"?$/i.exec(output.ETag ?? "")?.[1]?.toLowerCase();
  const isMd5 =
    encryption.etagIsMd5 && !/^aws:kms/.test(output.ServerSideEncryption ?? "") && !output.SSECustomerAlgorithm;
  if (!isMd5 || md5Hex === undefined || stored === undefined || stored === md5Hex) return;
  throw Object.assign(new Error("The ETag is not the MD5 of what was sent"), { Code: "BadDigest" });
}
