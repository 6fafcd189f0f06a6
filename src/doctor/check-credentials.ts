import { type Check, type Finding, pass, warn } from "../model/check.ts";
import type { Instant } from "../model/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { CredentialSource, CredentialsDescription, Identity } from "../ports/credentials.ts";
import { isMountPoint } from "./mount-points.ts";
import { runSteps, type Step } from "./steps.ts";

/** Something that was not wrong enough for an error, in the words of who noticed. */
export interface Warning {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface CredentialsSubject {
  readonly source: CredentialSource;
  readonly clock: Clock;
  /** What the source has warned of so far. */
  readonly warnings: () => readonly Warning[];
  /** Files that the credentials are read from, if they are. */
  readonly files: readonly string[];
  /** `$CREDENTIALS_DIRECTORY`, where systemd puts copies of credentials; empty outside a service that has some. */
  readonly copiesDirectory: string;
  /** The text of `/proc/self/mountinfo`; empty where there is none. */
  readonly mountinfo: () => string;
}

const HOUR_MS = 3_600_000;
/** A program or a role may take its time. */
const BOUND_MS = 15_000;
/** Sources whose sets are asked for again before they expire. */
const RENEWING: readonly CredentialsDescription["layer"][] = ["sharedFile", "webIdentity", "container", "instance"];

/** Checks where the credentials come from, and whether they will still be good tomorrow. */
export async function checkCredentials(subject: CredentialsSubject, signal: AbortSignal): Promise<Check[]> {
  const { source, clock } = subject;
  let identity: Identity | undefined;
  const steps: Step[] = [
    {
      name: "source",
      run: async () => {
        identity = await source.current();
        return pass(describe(source.describe(), identity));
      },
    },
    { name: "expiry", needs: ["source"], run: async () => expiryOf(identity, source.describe(), clock.now()) },
    { name: "rotation", needs: ["source"], run: async () => rotationOf(subject) },
  ];
  const checks = await runSteps(steps, { group: "credentials", clock, boundMs: BOUND_MS }, signal);
  return [...checks, ...warningsOf(subject)];
}

function describe(told: CredentialsDescription | undefined, { accessKeyId }: Identity): string {
  const profile = told?.profile === undefined ? "" : `, profile "${told.profile}"`;
  return `key …${told?.keyTail ?? accessKeyId.slice(-4)} from ${told?.source ?? "somewhere"}${profile}`;
}

function expiryOf(identity: Identity | undefined, told: CredentialsDescription | undefined, now: Instant): Finding {
  const isRenewed = told !== undefined && RENEWING.includes(told.layer);
  const expiresAt = told?.expiresAt ?? identity?.expiresAt;
  if (expiresAt === undefined) {
    if (identity?.sessionToken === undefined) return pass("none");
    const detail = "temporary credentials, which do not say when they expire";
    if (told?.layer !== "environment") return pass(`${detail}; what replaces them in the file is used at once`);
    return warn(`${detail}, in the environment, where nothing can replace them`, "Write them to the credentials file");
  }
  const at = new Date(expiresAt).toISOString();
  if (isRenewed) return pass(`${at}; renewed before`);
  if (expiresAt - now >= HOUR_MS) return pass(at);
  return warn(
    `they expire at ${at}, in less than an hour, and nobody renews them`,
    "Replace them where they come from",
  );
}

/** Some ways to hand a file to a process freeze it. */
function rotationOf(subject: CredentialsSubject): Finding {
  const { source, copiesDirectory, mountinfo } = subject;
  const used = usedFiles(subject);
  if (used.length === 0) {
    const layer = source.describe()?.layer;
    return layer === "environment" || layer === "config"
      ? pass("none: keys that stand in no file change with a restart alone")
      : pass("done by who gives them");
  }
  const copied = used.find((file) => copiesDirectory !== "" && file.startsWith(`${copiesDirectory}/`));
  if (copied !== undefined) {
    return warn(
      `"${copied}" is a copy that systemd made at the start: a rotated key needs a restart`,
      "Set s3.credentialsFile to the file itself instead of LoadCredential=",
    );
  }
  const mounted = used.find((file) => isMountPoint(mountinfo(), file));
  if (mounted !== undefined) {
    return warn(
      `"${mounted}" is mounted as a single file: a new one in its place is never seen`,
      "Mount the directory that it is in; in Kubernetes, without subPath",
    );
  }
  return pass("a changed file is used at once");
}

/** The files that the set in force came from. */
function usedFiles({ source, files }: CredentialsSubject): string[] {
  return files.filter((file) => source.describe()?.source.includes(file));
}

/** One row for each thing the source warned of: a file that others can read, several sources at once. */
function warningsOf(subject: CredentialsSubject): Check[] {
  const told = subject.warnings().map(({ message, fields }): Check => {
    const { hint, path, ...others } = fields;
    const more = [path, ...Object.entries(others).map(([name, value]) => `${name} ${String(value)}`)];
    const detail = `${message}: ${more.filter(Boolean).join(", ")}`;
    const name = path === undefined ? "sources" : "mode";
    return {
      group: "credentials",
      name,
      ...warn(detail, typeof hint === "string" ? hint : "Take away the sources that have no effect"),
    };
  });
  if (usedFiles(subject).length === 0 || told.some(({ name }) => name === "mode")) return told;
  return [{ group: "credentials", name: "mode", ...pass("nobody else may read them") }, ...told];
}
