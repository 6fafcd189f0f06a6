import type { SnapshotName } from "./snapshot-name.ts";

/**
 * Where each object of a cluster lies, relative to the store's folder. `docs/bucket-layout.md` is the
 * contract; changing a key here orphans what others have stored.
 */
export type ObjectKey = string;

const suffixOf = (step: string): string => (step === "zstd" ? ".zst" : step === "gzip" ? ".gz" : `.${step}`);

export const layout = {
  identity: (cluster: string): ObjectKey => `${cluster}/cluster.json`,
  intents: (cluster: string): ObjectKey => `${cluster}/runs/`,
  intent: (cluster: string, name: SnapshotName): ObjectKey => `${cluster}/runs/${name}.json`,
  snapshots: (cluster: string): ObjectKey => `${cluster}/snapshots/`,
  snapshot: (cluster: string, name: SnapshotName, encoding: readonly string[]): ObjectKey =>
    `${cluster}/snapshots/${name}${encoding.map((step) => suffixOf(step)).join("")}`,
  manifests: (cluster: string): ObjectKey => `${cluster}/manifests/`,
  manifest: (cluster: string, name: SnapshotName): ObjectKey => `${cluster}/manifests/${name}.json`,
  allChecks: (cluster: string): ObjectKey => `${cluster}/checks/`,
  checks: (cluster: string, name: SnapshotName): ObjectKey => `${cluster}/checks/${name}/`,
  accepted: (cluster: string, name: SnapshotName): ObjectKey => `${cluster}/checks/${name}/accepted.json`,
  allDrills: (cluster: string): ObjectKey => `${cluster}/drills/`,
  drills: (cluster: string, name: SnapshotName): ObjectKey => `${cluster}/drills/${name}/`,
  /** Objects that `doctor` writes and removes: no snapshot is called like this. */
  canaries: (cluster: string): ObjectKey => `${cluster}/checks/.doctor-`,
  canary: (cluster: string, uuid: string): ObjectKey => `${cluster}/checks/.doctor-${uuid}/`,
  runbook: (cluster: string): ObjectKey => `${cluster}/RUNBOOK.txt`,
} as const;

/** The snapshot that a key below `manifests/` or `runs/` speaks of, or `undefined` for a foreign object. */
export function nameOfRecord(key: ObjectKey): SnapshotName | undefined {
  return /\/([^/]+)\.json$/.exec(key)?.[1];
}
