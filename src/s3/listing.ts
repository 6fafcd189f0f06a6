import {
  type _Object,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
} from "@aws-sdk/client-s3";
import { BackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { StoredObject, UnfinishedUpload } from "../ports/object-store.ts";
import { type Bucket, urlOf } from "./bucket.ts";

/** Every object below `prefix`. */
export async function* listObjects(
  bucket: Bucket,
  prefix: ObjectKey,
  signal: AbortSignal,
): AsyncGenerator<StoredObject> {
  for await (const page of listPages(bucket, { prefix }, signal)) {
    for (const object of page.Contents ?? []) {
      const listed = toListed(bucket, object, page.EncodingType);
      if (listed?.key.startsWith(prefix)) yield listed;
    }
  }
}

/** The names between `prefix` and the next slash. */
export async function* listFolderNames(bucket: Bucket, prefix: ObjectKey, signal: AbortSignal): AsyncGenerator<string> {
  for await (const page of listPages(bucket, { prefix, Delimiter: "/" }, signal)) {
    for (const { Prefix } of page.CommonPrefixes ?? []) {
      const folder = relativeKey(bucket, Prefix, page.EncodingType)?.slice(prefix.length).replace(/\/$/, "");
      if (folder) yield folder;
    }
  }
}

async function* listPages(
  bucket: Bucket,
  { prefix, ...more }: { readonly prefix: ObjectKey } & Partial<ListObjectsV2CommandInput>,
  signal: AbortSignal,
) {
  const input = { Bucket: bucket.name, Prefix: bucket.folder + prefix, EncodingType: "url", ...more } as const;
  for (let token: string | undefined, more = true; more; ) {
    const { output } = await bucket.requests.run(
      { what: `list "${urlOf(bucket, prefix)}"`, permission: "s3:ListBucket" },
      (client, options) =>
        client.send(new ListObjectsV2Command({ ...input, ...(token ? { ContinuationToken: token } : {}) }), options),
      signal,
    );
    yield output;
    token = output.NextContinuationToken;
    more = output.IsTruncated === true;
    if (more && !token) throw cutShort(bucket, prefix);
  }
}

/** Multipart uploads below `prefix` that were neither completed nor aborted. */
export async function* listUploads(
  bucket: Bucket,
  prefix: ObjectKey,
  signal: AbortSignal,
): AsyncGenerator<UnfinishedUpload> {
  let from: Markers | undefined = {};
  while (from !== undefined) {
    const page: ListMultipartUploadsCommandOutput = await uploadsPage(bucket, { prefix, from }, signal);
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      const key = relativeKey(bucket, Key, page.EncodingType);
      if (key === undefined || UploadId === undefined) continue;
      yield { key, uploadId: UploadId, startedAt: Initiated?.getTime() ?? bucket.requests.now() };
    }
    from = nextMarkers(page);
    if (from === undefined && page.IsTruncated === true) throw cutShort(bucket, prefix);
  }
}

/** Where the next page begins. */
interface Markers {
  readonly KeyMarker?: string;
  readonly UploadIdMarker?: string;
}

async function uploadsPage(
  bucket: Bucket,
  { prefix, from }: { readonly prefix: ObjectKey; readonly from: Markers },
  signal: AbortSignal,
): Promise<ListMultipartUploadsCommandOutput> {
  const input = { Bucket: bucket.name, Prefix: bucket.folder + prefix, EncodingType: "url", ...from } as const;
  const { output } = await bucket.requests.run(
    { what: `list uploads below "${urlOf(bucket, prefix)}"`, permission: "s3:ListBucketMultipartUploads" },
    (client, options) => client.send(new ListMultipartUploadsCommand(input), options),
    signal,
  );
  return output;
}

function nextMarkers(page: ListMultipartUploadsCommandOutput): Markers | undefined {
  const key = decodeKey(page.NextKeyMarker, page.EncodingType);
  if (page.IsTruncated !== true || !key) return undefined;
  return { KeyMarker: key, ...(page.NextUploadIdMarker ? { UploadIdMarker: page.NextUploadIdMarker } : {}) };
}

/** Half a list would look like half a history. */
function cutShort(bucket: Bucket, prefix: ObjectKey): BackupError {
  return new BackupError(
    "STORE_REFUSED",
    `Cannot list "${urlOf(bucket, prefix)}": the service says that there is more, and not where it goes on`,
    { hint: "Check that s3.endpoint is the S3 API and that nothing in between alters answers" },
  );
}

function toListed(bucket: Bucket, { Key, Size, LastModified, ETag }: _Object, encoding: string | undefined) {
  const key = relativeKey(bucket, Key, encoding);
  if (key === undefined) return undefined;
  const listed: StoredObject = {
    key,
    size: Size ?? 0,
    storedAt: LastModified?.getTime() ?? 0,
    ...(ETag ? { etag: ETag } : {}),
  };
  return listed;
}

function relativeKey(bucket: Bucket, key: string | undefined, encoding: string | undefined): ObjectKey | undefined {
  const whole = decodeKey(key, encoding);
  return whole?.startsWith(bucket.folder) ? whole.slice(bucket.folder.length) : undefined;
}

/** Keys are asked for in URL encoding, since others' may hold characters that XML cannot. */
function decodeKey(key: string | undefined, encoding: string | undefined): string | undefined {
  if (key === undefined || encoding !== "url") return key;
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
