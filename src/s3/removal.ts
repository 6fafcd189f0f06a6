import {
  DeleteObjectCommand,
  type DeleteObjectCommandOutput,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
} from "@aws-sdk/client-s3";
import { isBackupError } from "../errors.ts";
import type { ObjectKey } from "../model/layout.ts";
import type { Leftover } from "../ports/bucket-probe.ts";
import { type Bucket, nameIn, urlOf } from "./bucket.ts";
import { headObject, isVersion, lockOf } from "./head.ts";
import { listUploads } from "./listing.ts";
import { abortUpload } from "./multipart-upload.ts";
import type { Refusal, Reply } from "./requests.ts";

/** A version, a delete marker, or with neither id the object of a bucket without versions. */
export interface Version {
  readonly key: ObjectKey;
  readonly versionId: string | undefined;
}

const REFUSALS = ["AccessDenied", "ObjectLocked", "InvalidRequest", "403"];
/** A lock that ends sooner than this is waited for. */
const SHORT_LOCK_MS = 15_000;
/** As many versions of one key as are looked for one by one, where versions may not be listed. */
const MAX_VERSIONS = 8;

/** What to remove. */
export interface Removal {
  readonly prefix: ObjectKey;
  /** Keys that may be there, and delete markers that are: for who may not list versions. */
  readonly keys: readonly ObjectKey[];
  readonly markers: readonly Version[];
}

/**
 * Removes for good what lies below a prefix: unfinished uploads, and every version and delete marker. Resolves to what
 * could not be removed.
 */
export async function removeBelow(
  bucket: Bucket,
  { prefix, keys, markers }: Removal,
  signal: AbortSignal,
): Promise<Leftover[]> {
  const left = await abortBelow(bucket, prefix, signal);
  const versions = await listVersions(bucket, prefix, signal);
  for (const version of versions ?? markers) left.push(...(await removeVersion(bucket, version, signal)));
  if (versions === undefined) for (const key of keys) left.push(...(await removeSeen(bucket, key, signal)));
  return left;
}

/** What may not be listed or aborted is left; that it may not is told where it is tried. */
async function abortBelow(bucket: Bucket, prefix: ObjectKey, signal: AbortSignal): Promise<Leftover[]> {
  const left: Leftover[] = [];
  const uploads = await Array.fromAsync(listUploads(bucket, prefix, signal)).catch((error: unknown) =>
    borne(error, []),
  );
  for (const upload of uploads) {
    const { key, uploadId } = upload;
    const isGone = await abortUpload(bucket, upload, signal).then(
      () => true,
      (error: unknown) => borne(error, false),
    );
    if (isGone) continue;
    const command = `aws s3api abort-multipart-upload --bucket ${bucket.name} --key ${bucket.folder}${key} --upload-id ${uploadId}`;
    left.push({ key, what: `an unfinished upload of ${urlOf(bucket, key)}`, command });
  }
  return left;
}

function borne<Value>(error: unknown, value: Value): Value {
  if (isBackupError(error, "STORE_REFUSED")) return value;
  throw error;
}

/** `undefined` where versions may not be listed, or the service does not know how. */
async function listVersions(bucket: Bucket, prefix: ObjectKey, signal: AbortSignal): Promise<Version[] | undefined> {
  const reply = await bucket.requests.attempt<ListObjectVersionsCommandOutput>(
    {
      what: `list the versions below "${urlOf(bucket, prefix)}"`,
      permission: "s3:ListBucketVersions",
      tolerate: [...REFUSALS, "NotImplemented", "501"],
    },
    (client, options) =>
      client.send(new ListObjectVersionsCommand({ Bucket: bucket.name, Prefix: bucket.folder + prefix }), options),
    signal,
  );
  if ("refused" in reply) return undefined;
  const { Versions = [], DeleteMarkers = [] } = reply.output;
  return [...Versions, ...DeleteMarkers].map(({ Key = "", VersionId }) => ({
    key: Key.slice(bucket.folder.length),
    versionId: VersionId,
  }));
}

/** Removes whatever version is seen, and then the next one below it. */
async function removeSeen(bucket: Bucket, key: ObjectKey, signal: AbortSignal): Promise<Leftover[]> {
  for (let round = 0; round < MAX_VERSIONS; round++) {
    const head = await headObject(bucket, { key }, signal);
    if (head === undefined) return [];
    const versionId = isVersion(head.output.VersionId) ? head.output.VersionId : undefined;
    const left = await removeVersion(bucket, { key, versionId }, signal);
    if (left.length > 0) return left;
  }
  return [leftover(bucket, { key, versionId: undefined }, "")];
}

/** Tries without rights that it may not need, then as who may bypass a lock, then after a lock that is over soon. */
async function removeVersion(bucket: Bucket, version: Version, signal: AbortSignal): Promise<Leftover[]> {
  if (await isDeleted(bucket, version, signal)) return [];
  // The object of a bucket without versions has the id "null", which takes another permission to name.
  if (version.versionId === "null" && (await isDeleted(bucket, { ...version, versionId: undefined }, signal)))
    return [];
  if (await isDeleted(bucket, { ...version, bypass: true }, signal)) return [];
  const until = await lockedUntil(bucket, version, signal);
  const waitMs = (until ?? 0) - bucket.requests.now();
  if (waitMs > 0 && waitMs < SHORT_LOCK_MS) {
    await bucket.options.clock.sleep(waitMs + 1000, signal);
    if (await isDeleted(bucket, version, signal)) return [];
  }
  return [leftover(bucket, version, until === undefined ? "" : `, locked until ${new Date(until).toISOString()}`)];
}

async function lockedUntil(bucket: Bucket, { key }: Version, signal: AbortSignal): Promise<number | undefined> {
  const head = await headObject(bucket, { key }, signal);
  return head && lockOf(head.output)?.until;
}

async function isDeleted(
  bucket: Bucket,
  version: Version & { readonly bypass?: boolean },
  signal: AbortSignal,
): Promise<boolean> {
  return !("refused" in (await deleteVersion(bucket, version, signal)));
}

/** Deletes one version; that there is none is no error. Resolves with a refusal. */
export async function deleteVersion(
  bucket: Bucket,
  { key, versionId, bypass = false }: Version & { readonly bypass?: boolean },
  signal: AbortSignal,
): Promise<Reply<DeleteObjectCommandOutput | undefined> | Refusal> {
  const input = {
    ...nameIn(bucket, key),
    ...(versionId === undefined ? {} : { VersionId: versionId }),
    ...(bypass ? { BypassGovernanceRetention: true } : {}),
  };
  const reply = await bucket.requests.attempt(
    {
      what: `delete "${urlOf(bucket, key)}"${versionId === undefined ? "" : ` for good, in version ${versionId}`}`,
      permission: versionId === undefined ? "s3:DeleteObject" : "s3:DeleteObjectVersion",
      tolerate: [...REFUSALS, "NoSuchVersion", "NoSuchKey", "InvalidArgument", "404"],
    },
    (client, options) => client.send(new DeleteObjectCommand(input), options),
    signal,
  );
  if (!("refused" in reply) || REFUSALS.includes(reply.refused)) return reply;
  return { output: undefined, answer: reply.failure.answer, attempts: 1 };
}

function leftover(bucket: Bucket, { key, versionId }: Version, why: string): Leftover {
  const version = isVersion(versionId) ? ` --version-id ${versionId}` : "";
  return {
    key,
    what: `${urlOf(bucket, key)}${isVersion(versionId) ? ` in version ${versionId}` : ""}${why}`,
    command: `aws s3api delete-object --bucket ${bucket.name} --key ${bucket.folder}${key}${version}`,
  };
}
