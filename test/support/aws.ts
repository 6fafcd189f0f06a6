import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";

/** Static credentials, as the SDK takes them. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where a service is, and the authority of its certificate. */
export interface S3Place {
  readonly endpoint: string;
  readonly region?: string;
  readonly caFile?: string;
  /** PEM, instead of `caFile`. */
  readonly ca?: string;
}

/** An S3 client for tests to prepare and to look: path style, no checksums that old services refuse. */
export function s3Client(place: S3Place, keys: AwsKeys): S3Client {
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  const ca = place.ca ?? (place.caFile ? readFileSync(place.caFile) : undefined);
  return new S3Client({
    endpoint: place.endpoint,
    region: place.region ?? "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(ca && { requestHandler: { httpsAgent: new Agent({ ca }) } }),
  });
}

/** A bucket as tests look at it. */
export interface TestBucket extends Disposable {
  readonly name: string;
  readonly client: S3Client;
  /** Every key below `prefix`, in order. */
  keys(prefix?: string): Promise<string[]>;
  get(key: string): Promise<Buffer>;
  put(key: string, body: string | Uint8Array): Promise<void>;
  /** Deletes; with a `versionId` that version for good. */
  delete(key: string, versionId?: string): Promise<void>;
  /** Every version and delete marker. */
  versions(): Promise<ObjectVersion[]>;
  /** Unfinished multipart uploads. */
  uploads(): Promise<{ key: string; uploadId: string }[]>;
}

/** One version of an object, or a marker that hides the older ones. */
export interface ObjectVersion {
  readonly key: string;
  readonly versionId: string;
  readonly deleteMarker: boolean;
}

/** Opens a bucket, by default with a client of its own. */
export function testBucket(name: string, place: S3Place, keys: AwsKeys, client = s3Client(place, keys)): TestBucket {
  return {
    name,
    client,
    keys: (prefix) => listKeys(client, name, prefix),
    async get(key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: name, Key: key }));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    },
    async put(key, body) {
      await client.send(new PutObjectCommand({ Bucket: name, Key: key, Body: body }));
    },
    async delete(key, VersionId) {
      await client.send(new DeleteObjectCommand({ Bucket: name, Key: key, VersionId }));
    },
    versions: () => listVersions(client, name),
    async uploads() {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: name }));
      return Uploads.map(({ Key: key = "", UploadId: uploadId = "" }) => ({ key, uploadId }));
    },
    [Symbol.dispose]: () => client.destroy(),
  };
}

async function listKeys(client: S3Client, bucket: string, prefix?: string): Promise<string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }),
    );
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key);
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return keys;
}

async function listVersions(client: S3Client, bucket: string): Promise<ObjectVersion[]> {
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
  const read = (deleteMarker: boolean) => (entry: { Key?: string | undefined; VersionId?: string | undefined }) => ({
    key: entry.Key ?? "",
    versionId: entry.VersionId ?? "",
    deleteMarker,
  });
  return [...Versions.map(read(false)), ...DeleteMarkers.map(read(true))];
}
