import { type CompletedPart, PutObjectCommand } from "@aws-sdk/client-s3";
import { BackupError } from "../errors.ts";
import type { ObjectWriter, WriteOptions, WrittenObject } from "../ports/object-store.ts";
import { type Bucket, nameIn, urlOf } from "./bucket.ts";
import { cleanUp } from "./cleanup.ts";
import { confirmObject, findOurs, type Sent } from "./completion.ts";
import { deleteAppeared } from "./deletion.ts";
import { listUploads } from "./listing.ts";
import {
  abortUpload,
  beginUpload,
  completeUpload,
  type MultipartUpload,
  type UploadPlan,
  uploadPart,
} from "./multipart-upload.ts";
import { MAX_PARTS, partSizeFor } from "./part-size.ts";
import { sendBody } from "./send-body.ts";
import { type Slab, SlabPool } from "./slab-pool.ts";
import { writeAttributes } from "./write-attributes.ts";

/** How far an object has come, and so what is to be cleared away if it goes no further. */
type Phase = "uploading" | "appearing" | "completed" | "disposed";

/** Begins an object: with a multipart upload, unless all of it is expected to fit into one request. */
export async function openWriter(
  bucket: Bucket,
  { key, expectedSize, metadata }: WriteOptions & { readonly key: string },
  signal: AbortSignal,
): Promise<PartWriter> {
  const plan = { key, metadata, attributes: writeAttributes(bucket) };
  const writer = new PartWriter(bucket, { plan, expectedSize }, signal);
  const fitsOnePart = expectedSize > 0 && expectedSize <= partSizeFor(expectedSize, bucket.config.partSize);
  if (fitsOnePart) return writer;
  try {
    await writer.begin();
    return writer;
  } catch (error) {
    // Whatever the error: the upload may have begun, and have been refused or interrupted after that.
    await writer[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Copies what is written into equal parts and uploads several at a time. A full part is sent only when more bytes
 * come, so that the last one is never empty and a body of exactly one part stays one request.
 */
export class PartWriter implements ObjectWriter {
  readonly #bucket: Bucket;
  readonly #plan: UploadPlan;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #parts: CompletedPart[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  #partSize: number;
  #pool: SlabPool | undefined;
  #slab: Slab | undefined;
  #upload: Promise<MultipartUpload> | undefined;
  #partCount = 0;
  #size = 0;
  #phase: Phase = "uploading";
  #mayExist = false;

  constructor(
    bucket: Bucket,
    { plan, expectedSize }: { readonly plan: UploadPlan; readonly expectedSize: number },
    signal: AbortSignal,
  ) {
    this.#bucket = bucket;
    this.#plan = plan;
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
    this.#partSize = partSizeFor(expectedSize, bucket.config.partSize);
  }

  /** Resolves when S3 has accepted the upload. */
  async begin(): Promise<MultipartUpload> {
    this.#upload ??= beginUpload(this.#bucket, this.#plan, this.#signal);
    return await this.#upload;
  }

  get mayExist(): boolean {
    return this.#mayExist;
  }

  expect(size: number): void {
    if (this.#pool !== undefined) throw new Error("expect() must come before the first write()");
    this.#partSize = partSizeFor(size, this.#bucket.config.partSize);
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    const rest = this.#fill(chunk);
    return rest.length === 0 && !this.#stop.signal.aborted ? undefined : this.#fillWhenFree(rest);
  }

  async complete(): Promise<WrittenObject> {
    if (this.#upload === undefined) await this.#putWhole();
    else await this.#completeParts(await this.#upload);
    const object = await confirmObject(this.#bucket, this.#sent(), this.#signal);
    this.#phase = "completed";
    await this.#dropTwins();
    return object;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const phase = this.#phase;
    this.#phase = "disposed";
    this.#stop.abort(new Error("the upload was given up"));
    await Promise.allSettled(this.#inFlight);
    this.#pool = undefined;
    this.#slab = undefined;
    if (phase === "completed" || phase === "disposed") return;
    await cleanUp(this.#bucket.options.clock, async (signal) => {
      await this.#abort(signal);
      if (phase === "appearing") await deleteAppeared(this.#bucket, this.#sent(), signal);
    });
  }

  #fill(chunk: Uint8Array): Uint8Array {
    let rest = chunk;
    this.#pool ??= this.#newPool();
    while (rest.length > 0 && !this.#stop.signal.aborted) {
      if (this.#slab?.isFull) this.#sendPart(this.#slab);
      this.#slab ??= this.#takeSlab(this.#pool);
      if (this.#slab === undefined) return rest;
      const before = rest.length;
      rest = this.#slab.append(rest);
      this.#size += before - rest.length;
    }
    return rest;
  }

  #newPool(): SlabPool {
    const { config, integrity } = this.#bucket;
    return new SlabPool(Math.max(2, config.concurrency), this.#partSize, integrity.forPart().crc);
  }

  /** The caller's signal is asked here, not for each chunk: a composite one makes garbage whenever it is asked. */
  #takeSlab(pool: SlabPool): Slab | undefined {
    return this.#signal.aborted ? undefined : pool.take();
  }

  async #fillWhenFree(chunk: Uint8Array): Promise<void> {
    this.#signal.throwIfAborted();
    for (let rest = chunk; rest.length > 0; rest = this.#fill(rest)) {
      await this.#pool?.freed(this.#signal);
      this.#signal.throwIfAborted();
    }
  }

  #sendPart(slab: Slab): void {
    const number = ++this.#partCount;
    this.#slab = undefined;
    const sending: Promise<void> = this.#uploadPart(number, slab)
      .catch((error: unknown) => this.#stop.abort(error))
      .finally(() => void this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
  }

  async #uploadPart(number: number, slab: Slab): Promise<void> {
    if (number > MAX_PARTS) throw this.#tooLong();
    const upload = await this.begin();
    this.#parts[number - 1] = await uploadPart(this.#bucket, { upload, number, slab }, this.#signal);
    this.#pool?.give(slab);
  }

  async #completeParts(upload: MultipartUpload): Promise<void> {
    if (this.#slab !== undefined || this.#partCount === 0) this.#sendPart(this.#slab ?? this.#emptySlab());
    await Promise.all(this.#inFlight);
    this.#signal.throwIfAborted();
    this.#pool = undefined;
    this.#askFor();
    const appeared = async () => (await findOurs(this.#bucket, this.#sent(), this.#signal)) !== undefined;
    await completeUpload(this.#bucket, { upload, parts: this.#parts, appeared }, this.#signal);
  }

  /** From here on the object may appear, whatever becomes of the request. */
  #askFor(): void {
    this.#phase = "appearing";
    this.#mayExist = true;
  }

  async #putWhole(): Promise<void> {
    const body = this.#slab?.bytes ?? Buffer.alloc(0);
    const { bucket, key, metadata, attributes } = { bucket: this.#bucket, ...this.#plan };
    const input = {
      ...nameIn(bucket, key),
      Metadata: { ...metadata },
      ...attributes.fields,
      ...bucket.encryption.create,
    };
    this.#partCount = 1;
    this.#signal.throwIfAborted();
    this.#askFor();
    await sendBody(
      bucket,
      {
        call: { what: `upload "${urlOf(bucket, key)}"`, permission: "s3:PutObject" },
        body,
        guard: () => bucket.integrity.forSingle(),
        send: (fields, client, options) =>
          client.send(new PutObjectCommand({ ...input, ...fields, Body: body }), options),
      },
      this.#signal,
    );
    this.#pool = undefined;
    this.#slab = undefined;
  }

  /** What remains of an upload can be added to until the last part under way has ended: so until there is none. */
  async #abort(signal: AbortSignal): Promise<void> {
    const upload = await this.#upload?.catch(() => undefined);
    if (upload !== undefined) {
      for (let tries = 0; tries < 3 && (await abortUpload(this.#bucket, upload, signal)); tries++);
    }
    if (upload === undefined ? this.#upload !== undefined : upload.mayHaveTwin) await this.#abortTwins(signal);
  }

  /** An upload whose beginning was never answered is known by its key alone, which belongs to this run only. */
  async #abortTwins(signal: AbortSignal): Promise<void> {
    for await (const twin of listUploads(this.#bucket, this.#plan.key, signal)) {
      if (twin.key === this.#plan.key) await abortUpload(this.#bucket, twin, signal);
    }
  }

  async #dropTwins(): Promise<void> {
    const upload = await this.#upload;
    if (upload?.mayHaveTwin) await cleanUp(this.#bucket.options.clock, (signal) => this.#abortTwins(signal));
  }

  #emptySlab(): Slab {
    this.#pool ??= new SlabPool(1, this.#partSize);
    const slab = this.#pool.take();
    if (slab === undefined) throw new Error("An upload without parts has no free slab");
    return slab;
  }

  #sent(): Sent {
    return { plan: this.#plan, size: this.#size, parts: this.#partCount, isWhole: this.#upload === undefined };
  }

  #tooLong(): BackupError {
    const { key } = this.#plan;
    return new BackupError(
      "STORE_REFUSED",
      `Cannot upload "${urlOf(this.#bucket, key)}": it needs over ${MAX_PARTS} parts`,
      {
        hint: "Raise s3.partSize",
      },
    );
  }
}
