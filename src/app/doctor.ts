import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "../config/files.ts";
import type { Config } from "../config/schema.ts";
import { createCredentialSource } from "../credentials/credential-source.ts";
import { watchedPaths } from "../credentials/latch.ts";
import { chooseLayer, sharedFilePaths } from "../credentials/layers.ts";
import { createDirectoryProbe } from "../directory/directory-probe.ts";
import { createDirectoryStore } from "../directory/directory-store.ts";
import type { Warning } from "../doctor/check-credentials.ts";
import type { Part, Patient } from "../doctor/run-doctor.ts";
import { isBackupError } from "../errors.ts";
import { createEtcdProbe } from "../etcd/etcd-probe.ts";
import { createBucketProbe } from "../s3/bucket-probe.ts";
import { storeOptions } from "./s3.ts";
import { systemClock } from "./system-clock.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface DoctorOptions {
  readonly config: Config;
  readonly environment: Environment;
  /** Whether the stores may be written to. */
  readonly write: boolean;
}

/** Where units are installed (systemd.unit(5)). */
const UNITS = [
  "/etc/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];

/**
 * Wires what `doctor` looks at, each part by itself: one that the configuration does not allow is told as such, and does
 * not hide the others. `owner` disposes of all of it.
 */
export function createPatient(options: DoctorOptions, owner: AsyncDisposableStack): Patient {
  const { config } = options;
  return {
    ...partsInS3(options, owner),
    etcd: part(() => ({
      clock: systemClock,
      probe: owner.use(createEtcdProbe({ config: config.etcd, clock: systemClock })),
    })),
    directory: config.directory.path === "" ? undefined : part(() => directorySubject(options, owner)),
  };
}

/** Whether nobody but the file below HOME is known to give credentials. */
export function needsHome({ s3 }: Config, environment: Environment): boolean {
  if (s3.bucket === "") return false;
  const homeless = { ...environment, HOME: undefined };
  const { layer = "sharedFile" } = chooseLayer({ config: s3, environment: homeless, sharedFilePresent: false });
  return layer === "sharedFile" && sharedFilePaths(s3, homeless).credentials === undefined;
}

/** Whether the unit is installed on this machine. */
export function isUnitInstalled(exists: (path: string) => boolean = existsSync): boolean {
  return UNITS.some((directory) => exists(`${directory}/etcd-ark.service`));
}

function partsInS3(
  { config, environment, write }: DoctorOptions,
  owner: AsyncDisposableStack,
): Pick<Patient, "credentials" | "bucket"> {
  const { s3, cluster } = config;
  if (s3.bucket === "") return { credentials: undefined, bucket: undefined };
  const clock = systemClock;
  const warnings: Warning[] = [];
  const onWarning = (message: string, fields: Warning["fields"]): void => void warnings.push({ message, fields });
  const listeners = { onWarning, onChange: () => undefined, onRejected: () => undefined };
  const source = owner.use(createCredentialSource({ config: s3, environment, clock, ...listeners }));
  const credentials = {
    ...{ source, clock, warnings: () => warnings, files: watchedPaths({ config: s3, environment }) },
    copiesDirectory: environment["CREDENTIALS_DIRECTORY"] ?? "",
    mountinfo: () => textOf("/proc/self/mountinfo"),
  };
  const bucket = part(() => {
    const telemetry = { warning: onWarning };
    const probe = owner.use(createBucketProbe(storeOptions({ config: s3, environment, telemetry, clock }, source)));
    const wishes = { lockMode: s3.objectLock.mode, checksum: s3.checksum };
    return { probe, clock, cluster, wishes, write, newUuid: randomUUID };
  });
  return { credentials: { subject: credentials }, bucket };
}

function directorySubject({ config: { directory, cluster }, write }: DoctorOptions, owner: AsyncDisposableStack) {
  const store = owner.use(createDirectoryStore({ ...directory, clock: systemClock }));
  const probe = createDirectoryProbe({ ...directory, clock: systemClock });
  return { probe, store, clock: systemClock, cluster, write, newUuid: randomUUID };
}

function part<Subject>(make: () => Subject): Part<Subject> {
  try {
    return { subject: make() };
  } catch (error) {
    if (isBackupError(error)) return { error };
    throw error;
  }
}

function textOf(path: string): string {
  const read = readFile(path);
  return "text" in read ? read.text : "";
}
