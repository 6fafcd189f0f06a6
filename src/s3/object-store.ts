import type { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { Instant } from "../model/time.ts";
import type { ByteRange, ObjectStore, ObjectWriter, UnfinishedUpload, WriteOptions } from "../ports/object-store.ts";
import { type Bucket, urlOf } from "./bucket.ts";
import type { Wire } from "./client.ts";
import { deleteObject } from "./deletion.ts";
import { headObject, toStoredObject } from "./head.ts";
import { listFolderNames, listObjects, listUploads } from "./listing.ts";
import { abortUpload } from "./multipart-upload.ts";
import { openWriter } from "./object-writer.ts";
import { closeWire, openBucket } from "./open-bucket.ts";
import type { S3StoreOptions } from "./options.ts";
import { readWhole } from "./ranged-reading.ts";
import { getObject, readObject } from "./reading.ts";
import { createObject, replaceObject } from "./small-objects.ts";

/** A store in one folder of one bucket. Rejects with `CONFIG_INVALID` when CA, customer key or endpoint are wrong. */
export function createS3Store(options: S3StoreOptions): ObjectStore {
  const { bucket, wire, endpoint } = openBucket(options);
  return new S3Store(bucket, { wire, where: endpoint.url ?? "aws" });
}

class S3Store implements ObjectStore {
  readonly kind = "s3" as const;
  readonly id: string;
  readonly #bucket: Bucket;
  readonly #wire: Wire;

  constructor(bucket: Bucket, { wire, where }: { readonly wire: Wire; readonly where: string }) {
    this.#bucket = bucket;
    this.#wire = wire;
    this.id = `s3 ${where} ${bucket.name}/${bucket.folder}`;
  }

  url(key: ObjectKey): string {
    return urlOf(this.#bucket, key);
  }

  fullKey(key: ObjectKey): string {
    return this.#bucket.folder + key;
  }

  now(): Instant {
    return this.#bucket.requests.now();
  }

  trouble(): BackupError | undefined {
    return this.#bucket.requests.trouble;
  }

  async open(key: ObjectKey, options: WriteOptions, signal: AbortSignal): Promise<ObjectWriter> {
    return await openWriter(this.#bucket, { key, ...options }, signal);
  }

  async create(key: ObjectKey, body: Uint8Array, signal: AbortSignal) {
    return await createObject(this.#bucket, { key, body }, signal);
  }

  async replace(key: ObjectKey, body: Uint8Array, signal: AbortSignal) {
    return await replaceObject(this.#bucket, { key, body }, signal);
  }

  async get(key: ObjectKey, signal: AbortSignal) {
    return await getObject(this.#bucket, key, signal);
  }

  read(key: ObjectKey, range: ByteRange | undefined, signal: AbortSignal) {
    if (range === undefined) return readWhole(this.#bucket, key, signal);
    return readObject(this.#bucket, { key, range }, signal);
  }

  recycle(chunk: Uint8Array): void {
    this.#bucket.pieces.giveBack(chunk);
  }

  async head(key: ObjectKey, signal: AbortSignal) {
    const head = await headObject(this.#bucket, { key }, signal);
    return head && toStoredObject(key, head);
  }

  list(prefix: ObjectKey, signal: AbortSignal) {
    return listObjects(this.#bucket, prefix, signal);
  }

  listFolders(prefix: ObjectKey, signal: AbortSignal) {
    return listFolderNames(this.#bucket, prefix, signal);
  }

  async delete(key: ObjectKey, signal: AbortSignal) {
    return await deleteObject(this.#bucket, key, signal);
  }

  listUnfinished(prefix: ObjectKey, signal: AbortSignal) {
    return listUploads(this.#bucket, prefix, signal);
  }

  async abandon(upload: UnfinishedUpload, signal: AbortSignal): Promise<void> {
    await abortUpload(this.#bucket, upload, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeWire(this.#wire);
  }
}
