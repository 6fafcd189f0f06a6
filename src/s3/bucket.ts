import type { S3Config } from "../config/schema.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { Bandwidth } from "./bandwidth.ts";
import type { Integrity } from "./integrity.ts";
import type { S3StoreOptions } from "./options.ts";
import type { PiecePool } from "./piece-pool.ts";
import type { Requests } from "./requests.ts";
import type { Encryption } from "./sse.ts";

/** What every operation on the store needs. */
export interface Bucket {
  readonly name: string;
  /** Empty, or ending in a slash. */
  readonly folder: string;
  readonly config: S3Config;
  readonly options: S3StoreOptions;
  readonly requests: Requests;
  /** What bodies of answers are held to; those of requests are by the wire itself. */
  readonly bandwidth: Bandwidth;
  /** What whole objects are read into. */
  readonly pieces: PiecePool;
  readonly integrity: Integrity;
  readonly encryption: Encryption;
}

/** `s3.folder` as it precedes keys: without slashes around it but one at its end. */
export function normalizeFolder(folder: string): string {
  const trimmed = folder.replace(/^\/+|\/+$/g, "");
  return trimmed === "" ? "" : `${trimmed}/`;
}

/** What names an object in a request. */
export function nameIn(bucket: Bucket, key: ObjectKey): { Bucket: string; Key: string } {
  return { Bucket: bucket.name, Key: bucket.folder + key };
}

export function urlOf(bucket: Bucket, key: ObjectKey): string {
  return `s3://${bucket.name}/${bucket.folder}${key}`;
}
