import type { BackupError } from "../errors.ts";
import { type Check, inOrder } from "../model/check.ts";
import { type BucketSubject, checkBucket } from "./check-bucket.ts";
import { type CredentialsSubject, checkCredentials } from "./check-credentials.ts";
import { checkDirectory, type DirectorySubject } from "./check-directory.ts";
import { checkEtcd, type EtcdSubject } from "./check-etcd.ts";
import { failed, notTried } from "./steps.ts";

/** Something to check, or why the configuration does not allow to make it; `undefined` if it is not configured. */
export type Part<Subject> = { readonly subject: Subject } | { readonly error: BackupError } | undefined;

/** All there is to check, apart from the configuration itself. */
export interface Patient {
  readonly credentials: Part<CredentialsSubject>;
  readonly bucket: Part<BucketSubject>;
  readonly etcd: Part<EtcdSubject>;
  readonly directory: Part<DirectorySubject>;
}

/**
 * Checks everything, whatever is broken: a part that does not answer costs its own bounds, and only the bucket waits for
 * the credentials. Rejects with `signal.reason`; nothing of the canary is left then either.
 */
export async function runDoctor(patient: Patient, signal: AbortSignal): Promise<Check[]> {
  const made = await Promise.all([
    checkS3(patient, signal),
    checkPart({ name: "etcd", part: patient.etcd, check: checkEtcd }, signal),
    checkPart({ name: "directory", part: patient.directory, check: checkDirectory }, signal),
  ]);
  return inOrder(made.flat());
}

async function checkS3({ credentials, bucket }: Patient, signal: AbortSignal): Promise<Check[]> {
  const keys = await checkPart({ name: "credentials", part: credentials, check: checkCredentials }, signal);
  if (!keys.some(({ outcome }) => outcome === "fail")) {
    return [...keys, ...(await checkPart({ name: "bucket", part: bucket, check: checkBucket }, signal))];
  }
  return bucket === undefined ? keys : [...keys, notTried("bucket", ["everything"])];
}

interface Checked<Subject> {
  readonly name: Check["group"];
  readonly part: Part<Subject>;
  readonly check: (subject: Subject, signal: AbortSignal) => Promise<Check[]>;
}

async function checkPart<Subject>({ name, part, check }: Checked<Subject>, signal: AbortSignal): Promise<Check[]> {
  if (part === undefined) return [];
  if ("subject" in part) return await check(part.subject, signal);
  return [failed("configuration", name, part.error), notTried(name, ["everything"])];
}
