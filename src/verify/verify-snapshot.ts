import type { StoredSnapshot } from "../backup/copy-snapshot.ts";
import { isBackupError } from "../errors.ts";
import type { Level } from "../model/check-record.ts";
import type { Finding, FindingCode } from "../model/finding.ts";
import type { Inspection } from "../model/inspection.ts";
import type { Manifest } from "../model/manifest.ts";
import { checkStored } from "./check-stored.ts";
import type { VerifyContext } from "./context.ts";
import { type Inspected, inspectSource } from "./inspect-source.ts";
import type { AskHash } from "./live-hash.ts";
import { checkDigests, openSnapshot } from "./read-snapshot.ts";

/** What is asked of one copy of a snapshot. */
export interface VerifyRequest {
  readonly snapshot: StoredSnapshot;
  readonly level: Level;
  /** The hash of all rows that an earlier check has found, if one has. */
  readonly recordedHash: number | undefined;
  /** Set to compare with a live member as well. */
  readonly askHash: AskHash | undefined;
}

/** What a check has found out; nothing in `findings` means that it has passed. */
export type Verification = Inspected;

/**
 * Looks whether a stored snapshot would restore, as deep as is asked; what finds something is the last step. Rejects only
 * when the snapshot cannot be looked at.
 */
export async function verifySnapshot(
  context: VerifyContext,
  request: VerifyRequest,
  signal: AbortSignal,
): Promise<Verification> {
  try {
    const findings = await checkStored(request.snapshot, signal);
    return findings.length > 0 || request.level === "stored"
      ? { ...NOT_READ, findings }
      : await verifyBytes(context, request, signal);
  } catch (error) {
    if (isBackupError(error, "SNAPSHOT_CORRUPT")) return failed("DIGEST", error.message);
    if (isBackupError(error, "SNAPSHOT_NOT_FOUND")) return failed("MISSING", error.message);
    throw error;
  }
}

const NOT_READ = { findings: [], inspection: undefined, live: undefined };

async function verifyBytes(
  context: VerifyContext,
  { snapshot, level, recordedHash, askHash }: VerifyRequest,
  signal: AbortSignal,
): Promise<Verification> {
  if (level === "digest") {
    await checkDigests(snapshot, signal);
    return NOT_READ;
  }
  await using opened = await openSnapshot(snapshot, context, signal);
  const inspected = await inspectSource(opened.source, level === "full" ? askHash : undefined, signal);
  const { inspection, findings } = inspected;
  if (inspection === undefined) return inspected;
  const expected = level === "full" ? recordedHash : undefined;
  const compared = [...compareManifest(snapshot.manifest, inspection), ...compareHash(expected, inspection)];
  return { ...inspected, findings: [...findings, ...compared] };
}

function compareManifest(manifest: Manifest, inspection: Inspection): Finding[] {
  const { status } = inspection;
  const figures = [
    ["revision", manifest.revision, String(inspection.revision)],
    ["dbSize", String(manifest.dbSize), String(status.totalSize)],
    ["storageVersion", manifest.storageVersion, status.version],
    ...(manifest.liveKeysRevision === manifest.revision
      ? [["liveKeys", String(manifest.liveKeys), String(inspection.liveKeys)] as const]
      : []),
  ] as const;
  return figures
    .filter(([, written, found]) => written !== found)
    .map(([name, written, found]) => ({
      code: "MANIFEST",
      message: `its ${name} is "${found}", the manifest says "${written}"`,
    }));
}

function compareHash(recorded: number | undefined, { status }: Inspection): Finding[] {
  if (recorded === undefined || recorded === status.hash) return [];
  return [{ code: "STATUS", message: `the hash of its rows is ${status.hash}, an earlier check found ${recorded}` }];
}

function failed(code: FindingCode, message: string): Verification {
  return { ...NOT_READ, findings: [{ code, message }] };
}
