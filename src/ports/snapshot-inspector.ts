import type { Finding } from "../model/finding.ts";
import type { Revision } from "../model/manifest.ts";

/** What a snapshot file was found to be. */
export interface InspectedFile {
  /** None, when nothing is wrong. */
  readonly findings: readonly Finding[];
  /** 0 when the file does not tell. */
  readonly revision: Revision;
  /** As etcd from 3.6 on writes it into the database; else empty. */
  readonly storageVersion: string;
  /** Whether etcd's digest stands at the end. A file that was copied from `member/snap/db` has none. */
  readonly hasTrailer: boolean;
}

/**
 * Reads a snapshot file and says what is wrong with it; its digest may be left to whoever checks that anyway. Rejects only
 * when it cannot be read, or with `signal.reason`.
 */
export type InspectFile = (
  path: string,
  options: { readonly digest: boolean },
  signal: AbortSignal,
) => Promise<InspectedFile>;

/** Reads the size and the first `bytes` of a file. Rejects with `SNAPSHOT_NOT_FOUND` when there is none. */
export type PeekFile = (
  path: string,
  bytes: number,
) => Promise<{ readonly sizeBytes: number; readonly head: Uint8Array }>;
