import { createHash } from "node:crypto";
import { crc32, deflateRawSync } from "node:zlib";
import type { Manifest } from "../../../src/model/manifest.ts";
import type { Outcome } from "../../../src/rebuild/outcome.ts";
import { type RebuildRequest, rebuildManifests } from "../../../src/rebuild/rebuild-manifests.ts";
import { type BackupLab, CLUSTER } from "../../support/backup-lab.ts";
import { snapshotFixture } from "../mvcc/memory-source.ts";
import { verifyContextOf } from "../verify/verify-lab.ts";

/** Long enough that nothing is taken for a run under way. */
export const TWO_HOURS_MS = 2 * 3_600_000;

/** Rebuilds the first store, and gives what became of each object. */
export async function rebuildIn(
  lab: BackupLab,
  request: Partial<RebuildRequest> = {},
  verify = verifyContextOf(lab),
): Promise<Outcome[]> {
  const context = { backup: lab.context, verify };
  const { destination } = lab;
  const options = { destination, fallback: "fresh", force: false, dryRun: false, clusterId: undefined, ...request };
  return await Array.fromAsync(rebuildManifests(context, options, lab.never));
}

/** Takes a snapshot whose manifest is then lost; the manifest. */
export async function loseManifest(lab: BackupLab): Promise<Manifest> {
  const manifest = await lab.manifest();
  lab.store.lose(`${CLUSTER}/manifests/${manifest.name}.json`);
  return manifest;
}

/** Lines as a person would sum them up. */
export function briefly(outcomes: readonly Outcome[]): string[] {
  return outcomes.map((each) => (each.action === "left out" ? `left out: ${each.why}` : `${each.action} ${each.name}`));
}

/** A snapshot that a real etcd has made, of 61 revisions. */
export const SNAPSHOT = snapshotFixture("etcd-3.5-few");

/** Bytes under a digest that is right, whatever they are. */
export function withDigest(database: Uint8Array): Buffer {
  return Buffer.concat([database, createHash("sha256").update(database).digest()]);
}

/** A zip archive of one file as k3s makes it: sizes stand behind the bytes. */
export function k3sZip(name: string, bytes: Uint8Array): Buffer {
  const deflated = deflateRawSync(bytes);
  const local = Buffer.alloc(30);
  local.write("PK\u0003\u0004", 0, "latin1");
  local.writeUInt16LE(20, 4);
  local.writeUInt16LE(8, 6);
  local.writeUInt16LE(8, 8);
  local.writeUInt16LE(name.length, 26);
  const descriptor = Buffer.alloc(16);
  descriptor.write("PK\u0007\u0008", 0, "latin1");
  descriptor.writeUInt32LE(crc32(bytes), 4);
  descriptor.writeUInt32LE(deflated.length, 8);
  descriptor.writeUInt32LE(bytes.length, 12);
  const central = Buffer.alloc(46);
  central.write("PK\u0001\u0002", 0, "latin1");
  central.writeUInt16LE(8, 10);
  central.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.write("PK\u0005\u0006", 0, "latin1");
  const file = Buffer.from(name);
  return Buffer.concat([local, file, deflated, descriptor, central, file, end]);
}
