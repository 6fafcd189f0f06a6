import { BackupError } from "../errors.ts";
import { TRAILER_BYTES } from "./manifest.ts";

/** A file before it is read: its name as the operator knows it, its size, and its first bytes. */
export interface FileHead {
  readonly name: string;
  readonly sizeBytes: number;
  readonly head: Uint8Array;
}

/** So many bytes tell a database from anything else. */
export const HEAD_BYTES = 32;

/** Of a meta page, behind its header, in little endian (bbolt `internal/common/meta.go`). */
const BOLT_MAGIC = [0xed, 0xda, 0x0c, 0xed];
const BOLT_MAGIC_AT = 16;
const MAGICS = { zstd: [0x28, 0xb5, 0x2f, 0xfd], gzip: [0x1f, 0x8b], zip: [0x50, 0x4b, 0x03, 0x04] } as const;

/** What a file that begins like this is compressed with, if with anything that is known. */
export function compressionOf(head: Uint8Array): keyof typeof MAGICS | undefined {
  return (["zstd", "gzip", "zip"] as const).find((format) => startsWith(head, MAGICS[format]));
}

/** Why no tool could restore the file, judged by its first bytes alone; `undefined` when one might. */
export function refuseFile({ name, sizeBytes, head }: FileHead): BackupError | undefined {
  if (sizeBytes === 0) return refusal(name, "it is empty", "Take another one; `etcd-ark list` shows what there is");
  const compression = compressionOf(head);
  if (compression === "zstd") return refusal(name, "it is compressed with zstd", `Unpack it first: zstd -d ${name}`);
  if (compression === "gzip") return refusal(name, "it is compressed with gzip", `Unpack it first: gunzip ${name}`);
  if (startsWith(head.subarray(BOLT_MAGIC_AT), BOLT_MAGIC)) return undefined;
  return refusal(
    name,
    "it is no database of etcd's",
    "Name a file that `etcdctl snapshot save` or `etcd-ark fetch` wrote",
  );
}

/** Why the file is refused unless it is forced: programs that save or fetch call what is not finished so. */
export function refusePart({ name }: FileHead): BackupError | undefined {
  if (!/\.part(\.minio)?$/.test(name)) return undefined;
  return refusal(
    name,
    "its name says that it was never finished",
    "Take the file without .part, or another snapshot; --force takes it all the same",
  );
}

/** Whether etcd's digest stands at the end: pages fill the rest (`etcdutl/snapshot/v3_snapshot.go` saveDB). */
export function hasTrailer(sizeBytes: number): boolean {
  return sizeBytes % 512 === TRAILER_BYTES;
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

function refusal(name: string, why: string, hint: string): BackupError {
  return new BackupError("SNAPSHOT_CORRUPT", `Cannot restore "${name}": ${why}`, { hint });
}
