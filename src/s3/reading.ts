import { Readable } from "node:stream";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { backoffMs } from "../async/backoff.ts";
import { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { ByteRange } from "../ports/object-store.ts";
import { type Bucket, nameIn, urlOf } from "./bucket.ts";
import { absent, brokenOff, rangeIgnored, replaced, tooLarge } from "./reading-errors.ts";

/** Records are a few KiB; whatever is larger than this is not one of ours. */
const SMALL_OBJECT_BYTES = 16 * 2 ** 20;
const FRUITLESS_ATTEMPTS = 10;

/** A small object's bytes, or `undefined` when there is none. */
export async function getObject(bucket: Bucket, key: ObjectKey, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const reply = await bucket.requests.attempt(
    { what: `read "${urlOf(bucket, key)}"`, permission: "s3:GetObject", tolerate: ["NoSuchKey"] },
    async (client, options) => {
      const { Body, ContentLength } = await client.send(new GetObjectCommand(inputOf(bucket, key)), options);
      if ((ContentLength ?? 0) > SMALL_OBJECT_BYTES) return discard(Body);
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    },
    signal,
  );
  if ("refused" in reply) return undefined;
  if (reply.output === undefined) throw tooLarge(bucket, key);
  return reply.output;
}

/** The object, and the key that it is encrypted by if it is. */
export function inputOf(bucket: Bucket, key: ObjectKey) {
  return { ...nameIn(bucket, key), ...bucket.encryption.access };
}

/** A body that nobody reads would keep its connection for ever. */
export function discard(body: unknown): undefined {
  if (body instanceof Readable) body.destroy();
}

/** An object that is read in order, over as many connections as it takes. */
interface Reading {
  readonly key: ObjectKey;
  /** The next byte to ask for. */
  offset: number;
  /** The last byte, once it is known. */
  end: number | undefined;
  /** Of the first answer: another one later means that the object was replaced. */
  etag: string | undefined;
}

/** Bytes of a large object, one after the other. A connection that breaks off is taken up where it was, as long as bytes keep coming. */
export async function* readObject(
  bucket: Bucket,
  { key, range }: { readonly key: ObjectKey; readonly range: ByteRange | undefined },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { clock, random } = bucket.options;
  const reading: Reading = { key, offset: range?.start ?? 0, end: range?.end, etag: undefined };
  for (let fruitless = 0; ; ) {
    const before = reading.offset;
    try {
      return yield* readOn(bucket, reading, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BackupError) throw error;
      fruitless = reading.offset > before ? 1 : fruitless + 1;
      if (fruitless >= FRUITLESS_ATTEMPTS) throw brokenOff(bucket, key, error);
      await clock.sleep(backoffMs(fruitless, random), signal);
    }
  }
}

async function* readOn(bucket: Bucket, reading: Reading, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const body = await openBody(bucket, reading, signal);
  if (body === undefined) return;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError("A body came as text");
    await bucket.bandwidth.take(chunk.length, signal);
    reading.offset += chunk.length;
    yield chunk;
  }
  if (reading.end !== undefined && reading.offset <= reading.end) throw new Error("the body ended early");
}

/** The answer's body from `reading.offset` on, or `undefined` when nothing is left to read. */
async function openBody(bucket: Bucket, reading: Reading, signal: AbortSignal) {
  const { key, offset, end } = reading;
  if (end !== undefined && offset > end) return undefined;
  const isWhole = offset === 0 && end === undefined;
  const Range = `bytes=${offset}-${end ?? ""}`;
  const reply = await bucket.requests.attempt(
    { what: `read "${urlOf(bucket, key)}"`, permission: "s3:GetObject", tolerate: ["NoSuchKey", "InvalidRange"] },
    (client, options) =>
      client.send(new GetObjectCommand({ ...inputOf(bucket, key), ...(isWhole ? {} : { Range }) }), options),
    signal,
  );
  if ("refused" in reply) {
    if (reply.refused === "InvalidRange") return undefined;
    throw absent(bucket, key, reply.error);
  }
  const { Body, ETag, ContentLength } = reply.output;
  const isReplaced = reading.etag !== undefined && ETag !== reading.etag;
  if (isReplaced || (!isWhole && reply.answer?.status === 200)) {
    discard(Body);
    throw isReplaced ? replaced(bucket, key) : rangeIgnored(bucket, key);
  }
  reading.etag ??= ETag;
  if (ContentLength !== undefined) reading.end = offset + ContentLength - 1;
  return toIterable(Body);
}

function toIterable(body: unknown): AsyncIterable<unknown> {
  const isIterable = (value: unknown): value is AsyncIterable<unknown> =>
    typeof value === "object" && value !== null && Symbol.asyncIterator in value;
  if (isIterable(body)) return body;
  throw new TypeError("An answer came without a body to read");
}
