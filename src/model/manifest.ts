import { z } from "zod";
import { BackupError } from "../errors.ts";
import { type Instant, parseInstant } from "./time.ts";

/** A revision of etcd's key space: an int64 on the wire, decimal text in JSON. */
export type Revision = bigint;

/** Bytes of the SHA-256 that etcd appends to the database, and that end a snapshot (`v3rpc/maintenance.go` Snapshot). */
export const TRAILER_BYTES = 32;

/** The newest format that this program reads and the one that it writes. */
export const FORMAT_VERSION = 1;

/** The id in a manifest of what nobody knows any more. */
export const UNKNOWN_ID = "0";

const hexId = z.string().regex(/^[0-9a-f]+$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const moment = z.string().refine((text) => parseInstant(text) !== undefined, "not a moment in RFC 3339");
const bytes = z.number().int().nonnegative();

/** Manifest v1. Unknown fields are kept, so that an older program does not lose what a newer one wrote. */
export const Manifest = z.looseObject({
  formatVersion: z.number().int().positive(),
  minReader: z.number().int().positive(),
  name: z.string().regex(/^[A-Za-z0-9._-]+$/),
  cluster: z.string(),
  clusterUuid: z.string(),
  clusterId: hexId,
  memberId: hexId,
  memberName: z.string(),
  node: z.string(),
  kind: z.enum(["scheduled", "on-demand"]),
  /** The scheduled moment that this snapshot belongs to; of an on-demand one, when it was asked for. */
  tick: moment,
  timeline: z.string(),
  etcdVersion: z.string(),
  storageVersion: z.string(),
  distribution: z.string(),
  startedAt: moment,
  finishedAt: moment,
  /** By the service's clock. It orders snapshots. */
  storedAt: moment,
  revision: z.string().regex(/^\d+$/),
  linearized: z.boolean(),
  /** Without the 32 bytes of the digest. */
  dbSize: bytes,
  /** With them. */
  snapshotSize: bytes,
  storedSize: bytes,
  /** etcd's own digest: the last 32 bytes of the snapshot. */
  sha256,
  /** Of the stored bytes, all of them. */
  storedSha256: sha256,
  encoding: z.array(z.string()),
  /** The object's whole key in the bucket, or its path below the directory. */
  key: z.string(),
  parts: z.number().int().positive(),
  versionId: z.string().nullable(),
  lock: z.object({ mode: z.enum(["GOVERNANCE", "COMPLIANCE"]), until: moment }).nullable(),
  /** Why history looks wrong at this snapshot; empty when it does not. */
  suspect: z.array(z.string()),
  writer: z.string(),
  /** Live keys and bytes in use when it was taken: what the next snapshot is compared with. */
  liveKeys: z.number().int().nonnegative(),
  /** The revision at which they were counted: the snapshot's own, unless etcd had compacted that by then. */
  liveKeysRevision: z.string().regex(/^\d+$/).optional(),
  dbSizeInUse: bytes,
  /** The manifest was made from the snapshot later on: what the bytes do not tell is unknown in it. */
  rebuilt: z.literal(true).optional(),
  /** URL of the object that this one was copied from. */
  importedFrom: z.string().optional(),
});
export type Manifest = z.infer<typeof Manifest>;

/** What a manifest object turned out to be. Only `readable` ones count and are ever pruned. */
export type DecodedManifest =
  | { readonly state: "readable"; readonly manifest: Manifest }
  | { readonly state: "newer"; readonly minReader: number; readonly name: string }
  | { readonly state: "broken"; readonly why: string };

/** Decodes a stored manifest. Never throws: whatever the bytes are, it says what they are. */
export function decodeManifest(body: Uint8Array): DecodedManifest {
  const json = parseJson(body);
  if (json === undefined) return { state: "broken", why: "not JSON" };
  const head = z.looseObject({ minReader: z.number(), name: z.string() }).safeParse(json);
  if (head.success && head.data.minReader > FORMAT_VERSION) {
    return { state: "newer", minReader: head.data.minReader, name: head.data.name };
  }
  const parsed = Manifest.safeParse(json);
  if (parsed.success) return { state: "readable", manifest: parsed.data };
  const issue = parsed.error.issues[0];
  return { state: "broken", why: issue ? `${issue.path.join(".")}: ${issue.message}` : "not a manifest" };
}

/** The bytes to store. Refuses a manifest that could not be read back. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const body = encodeJson(manifest);
  const decoded = decodeManifest(body);
  if (decoded.state === "readable") return body;
  throw new BackupError(
    "SNAPSHOT_CORRUPT",
    `Cannot write manifest of "${manifest.name}": ${decoded.state === "broken" ? decoded.why : "too new"}`,
  );
}

/** JSON as all records of the bucket are written: indented, for people to read. */
export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

/** The value, or `undefined` when the bytes are no JSON in UTF-8. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

/** The etcd cluster that it is of, where that is known. */
export function knownClusterId(manifest: Manifest | undefined): string | undefined {
  return manifest?.clusterId === UNKNOWN_ID ? undefined : manifest?.clusterId;
}

/** When the service had stored it. */
export function storedAt(manifest: Manifest): Instant {
  return Date.parse(manifest.storedAt);
}
