import { PutObjectCommand, type PutObjectCommandOutput } from "@aws-sdk/client-s3";
import type { ObjectKey } from "../model/layout.ts";
import { type Bucket, nameIn, urlOf } from "./bucket.ts";
import { attemptBody } from "./send-body.ts";

export interface ConditionalPut {
  readonly key: ObjectKey;
  readonly body: Uint8Array;
  readonly condition: { readonly IfNoneMatch: "*" } | { readonly IfMatch: string };
}

const REFUSALS = ["PreconditionFailed", "412"];

/** Writes an object under a condition. `unknown`: the service does not know such conditions. */
export async function putIf(
  bucket: Bucket,
  { key, body, condition }: ConditionalPut,
  signal: AbortSignal,
): Promise<"written" | "refused" | "unknown"> {
  const input = { ...nameIn(bucket, key), ...bucket.encryption.create, ...condition };
  const { reply } = await attemptBody<PutObjectCommandOutput>(
    bucket,
    {
      call: {
        what: `write "${urlOf(bucket, key)}" under a condition`,
        permission: "s3:PutObject",
        tolerate: [...REFUSALS, "NotImplemented", "501"],
      },
      body,
      guard: () => bucket.integrity.forSingle(),
      send: (fields, client, options) =>
        client.send(new PutObjectCommand({ ...input, ...fields, Body: body }), options),
    },
    signal,
  );
  if (!("refused" in reply)) return "written";
  return REFUSALS.includes(reply.refused) ? "refused" : "unknown";
}
