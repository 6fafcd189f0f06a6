import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { GetObjectCommand, type GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { loadAhead } from "../async/load-ahead.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { ByteRange } from "../ports/object-store.ts";
import { type Bucket, urlOf } from "./bucket.ts";
import { parseContentRange, RangeBytes } from "./range-bytes.ts";
import { discard, inputOf, readObject } from "./reading.ts";
import { absent, rangeIgnored, replaced } from "./reading-errors.ts";

/** A few of them have to fit into memory, and a request has to be little beside the bytes that it brings. */
const RANGE_BYTES = 8 * 2 ** 20;

/**
 * A whole object's bytes in order, read over `s3.concurrency` connections at once. At most one range more than that is
 * in memory. A range that is cut is taken up where it was, as long as bytes keep coming.
 */
export async function* readWhole(bucket: Bucket, key: ObjectKey, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const object = new RangedObject(bucket, key);
  const first = await object.load({ start: 0, end: RANGE_BYTES - 1 }, signal);
  // Something strips the header, or the service knows none: then it comes as one stream.
  if (first === undefined) return yield* readObject(bucket, { key, range: undefined }, signal);
  const load = async (range: ByteRange, bound: AbortSignal): Promise<readonly Uint8Array[]> => {
    const pieces = range.start === 0 ? first : await object.load(range, bound);
    if (pieces === undefined) throw rangeIgnored(bucket, key);
    return pieces;
  };
  const plan = { ahead: bucket.config.concurrency + 1, load };
  for await (const pieces of loadAhead(rangesOf(object.size), plan, signal)) yield* pieces;
}

function* rangesOf(size: number): Generator<ByteRange> {
  for (let start = 0; start < size; start += RANGE_BYTES) {
    yield { start, end: Math.min(size, start + RANGE_BYTES) - 1 };
  }
}

/** An object that is read in ranges, all of the version that the first answer was of. */
class RangedObject {
  readonly #bucket: Bucket;
  readonly #key: ObjectKey;
  #version: { readonly size: number; readonly etag: string | undefined } | undefined;

  constructor(bucket: Bucket, key: ObjectKey) {
    this.#bucket = bucket;
    this.#key = key;
  }

  /** Bytes; 0 until the first answer. */
  get size(): number {
    return this.#version?.size ?? 0;
  }

  /** The bytes of a range as far as the object has them, or `undefined` where ranges are ignored. */
  async load(range: ByteRange, signal: AbortSignal): Promise<readonly Uint8Array[] | undefined> {
    const bytes = new RangeBytes(range, this.#bucket.pieces);
    const reply = await this.#bucket.requests.attempt(
      {
        what: `read "${urlOf(this.#bucket, this.#key)}"`,
        permission: "s3:GetObject",
        tolerate: ["NoSuchKey", "InvalidRange"],
        advanced: () => bytes.hasAdvanced,
      },
      async (client, options) => {
        const Range = `bytes=${bytes.next}-${range.end}`;
        const output = await client.send(new GetObjectCommand({ ...inputOf(this.#bucket, this.#key), Range }), options);
        return await this.#receive(output, bytes, signal);
      },
      signal,
    );
    if (!("refused" in reply)) return reply.output ? bytes.pieces : undefined;
    if (reply.refused === "NoSuchKey") throw absent(this.#bucket, this.#key, reply.error);
    // An empty object has no first byte either.
    if (range.start > 0) throw replaced(this.#bucket, this.#key);
    return [];
  }

  /** Takes a body in, or resolves with `false` if it is not that of the range. */
  async #receive(output: GetObjectCommandOutput, bytes: RangeBytes, signal: AbortSignal): Promise<boolean> {
    const { Body, ETag } = output;
    const range = parseContentRange(output.ContentRange);
    if (range?.start !== bytes.next || !(Body instanceof Readable)) {
      discard(Body);
      return false;
    }
    this.#version ??= { size: range.size, etag: ETag };
    if (this.#version.size !== range.size || this.#version.etag !== ETag) {
      discard(Body);
      throw replaced(this.#bucket, this.#key);
    }
    await this.#drain(Body, (chunk) => bytes.append(chunk, range.size), signal);
    if (bytes.left(range.size) > 0) throw new Error("the body ended early");
    return true;
  }

  /** By listeners: an iterator would cost a few promises for each 16 KiB that TLS hands on. */
  async #drain(body: Readable, append: (chunk: Uint8Array) => boolean, signal: AbortSignal): Promise<void> {
    const { bandwidth } = this.#bucket;
    body.on("data", (chunk: Uint8Array) => {
      if (!append(chunk)) body.destroy(new Error("the body is longer than announced"));
      if (!bandwidth.isCapped) return;
      body.pause();
      bandwidth.take(chunk.length, signal).then(
        () => body.resume(),
        // Aborted, as the request itself is.
        () => undefined,
      );
    });
    await finished(body, { writable: false });
  }
}
