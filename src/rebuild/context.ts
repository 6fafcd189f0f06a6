import type { CatalogEntry } from "../backup/catalog.ts";
import type { BackupContext } from "../backup/context.ts";
import type { Destination } from "../backup/destination.ts";
import type { ClusterIdentity } from "../model/identity.ts";
import type { SnapshotName } from "../model/snapshot-name.ts";
import type { VerifyContext } from "../verify/context.ts";

/** What rebuilding works with. */
export interface RebuildContext {
  readonly backup: BackupContext;
  readonly verify: VerifyContext;
}

export interface RebuildOptions {
  /** Whether everything is looked at and nothing written. */
  readonly dryRun: boolean;
  /** Of etcd, for a folder whose identity is lost; etcd is asked when it is not given. */
  readonly clusterId: string | undefined;
}

/** Where imported snapshots go, and what is there already. */
export interface Target {
  readonly destination: Destination;
  readonly identity: ClusterIdentity;
  readonly entries: readonly CatalogEntry[];
  /** Names of snapshots; those that are imported join them. */
  readonly held: Set<SnapshotName>;
}
