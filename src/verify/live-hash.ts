import { isBackupError } from "../errors.ts";
import type { Revision } from "../model/manifest.ts";
import type { KeySpaceHash, SnapshotSource } from "../ports/snapshot-source.ts";

/** Asks a live member for its HashKV at a revision. */
export type AskHash = (
  revision: Revision,
  signal: AbortSignal,
) => Promise<KeySpaceHash | { readonly member: string; readonly incomparable: string }>;

/**
 * Asks the member that snapshots are taken from. It scans its whole key space for that and takes no write meanwhile
 * (`mvcc/kvstore.go` HashByRev holds a read transaction that blocks them), so it is asked only when an operator wants it.
 */
export function askSource(source: SnapshotSource): AskHash {
  return async (revision, signal) => {
    const { member } = await source.choose(new Set(), signal);
    try {
      return await source.hashKv(member, revision, signal);
    } catch (error) {
      if (!isBackupError(error, "ETCD_REFUSED")) throw error;
      return { member: member.endpoint, incomparable: error.message };
    }
  };
}
