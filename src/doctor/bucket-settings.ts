import { BackupError, isBackupError } from "../errors.ts";
import { type Finding, fail, pass, warn } from "../model/check.ts";
import type { ObjectKey } from "../model/layout.ts";
import { formatInstant, type Instant } from "../model/time.ts";
import type { BucketProbe, LockDefault, Versioning } from "../ports/bucket-probe.ts";
import type { Step } from "./steps.ts";

/** What the configuration asks of the bucket. */
export interface BucketWishes {
  readonly lockMode: "" | "GOVERNANCE" | "COMPLIANCE";
  readonly checksum: "auto" | "crc" | "md5" | "none";
}

/** What the bucket said of itself; a key is absent as long as it may not be read. */
export interface BucketFacts {
  versioning?: Versioning;
  lock?: LockDefault;
}

const DAY_MS = 86_400_000;
/** From the first on ticks and ages are off; from the second on S3 refuses (RequestTimeTooSkewed). */
const SKEW_WARN_MS = 60_000;
const SKEW_FAIL_MS = 15 * 60_000;

export interface SettingsOptions {
  readonly probe: BucketProbe;
  readonly prefix: ObjectKey;
  readonly wishes: BucketWishes;
}

/** The steps that read only; what they learn goes into `facts`. */
export function settingsSteps({ probe, prefix, wishes }: SettingsOptions, facts: BucketFacts): Step[] {
  const versioning = async (signal: AbortSignal): Promise<Finding> => {
    facts.versioning = await probe.versioning(signal);
    return versioningOf(facts.versioning);
  };
  const lock = async (signal: AbortSignal): Promise<Finding> => {
    facts.lock = await probe.lockDefault(signal);
    return lockOf(facts.lock, wishes);
  };
  const list = async (signal: AbortSignal): Promise<Finding> => {
    await probe.list(prefix, signal);
    return pass(`${probe.url}${prefix}`);
  };
  const steps: readonly Step[] = [
    { name: "clock", run: async () => skewOf(probe.skewMs()) },
    { name: "addressing", run: async (signal) => addressingOf(probe, await probe.reachOtherwise(signal)) },
    { name: "list", run: list },
    { name: "versioning", isOptional: true, run: versioning },
    { name: "object lock", isOptional: true, run: lock },
    {
      name: "lifecycle",
      isOptional: true,
      run: async (signal) => lifecycleOf(await probe.daysToAbort(prefix, signal)),
    },
  ];
  const reached: Step = { name: "reach", run: (signal) => reach(probe, signal) };
  return [reached, ...steps.map((step) => ({ ...step, needs: ["reach"] }))];
}

/** Why no canary may be written: nobody could remove it. */
export function lockedCanary(
  lock: LockDefault | undefined,
  names: readonly string[],
  now: Instant,
): Finding | undefined {
  if (lock?.state !== "default" || lock.mode !== "COMPLIANCE") return undefined;
  const until = formatInstant(now + lock.days * DAY_MS);
  return warn(
    `not tried: ${names.join(", ")}; under the bucket's COMPLIANCE default the few bytes that they write would stay until ${until}`,
    "Try the key on a bucket without that default; `etcd-ark save` shows that writing works here",
  );
}

/** A host name that does not resolve may be the bucket's alone. */
async function reach(probe: BucketProbe, signal: AbortSignal): Promise<Finding> {
  try {
    await probe.reach(signal);
    return pass(`${probe.url} at ${probe.endpoint} answers`);
  } catch (error) {
    if (!isBackupError(error, "STORE_UNAVAILABLE", "STORE_REFUSED")) throw error;
    const other = probe.addressing === "path" ? "virtual" : "path";
    const works = await probe.reachOtherwise(signal).catch(() => false);
    signal.throwIfAborted();
    if (!works) throw error;
    throw new BackupError(error.code, error.message, { hint: `Set s3.addressing to "${other}"`, cause: error });
  }
}

function skewOf(skewMs: number | undefined): Finding {
  if (skewMs === undefined) return pass("unknown: the service sends no Date");
  // Down, since the Date header leaves out the parts of a second.
  const seconds = Math.floor(Math.abs(skewMs) / 1000);
  const detail = `the service's clock is ${seconds} s ${skewMs < 0 ? "behind" : "ahead of"} this machine's`;
  const hint = "Set the clock: timedatectl set-ntp true";
  if (Math.abs(skewMs) >= SKEW_FAIL_MS) return fail(detail, hint);
  return Math.abs(skewMs) >= SKEW_WARN_MS ? warn(detail, hint) : pass(detail);
}

function addressingOf({ addressing }: BucketProbe, worksOtherwise: boolean | undefined): Finding {
  const [used, other] = addressing === "path" ? ["path", "host name"] : ["host name", "path"];
  if (worksOtherwise === undefined) return pass(`by ${used}; the endpoint is an address, which allows no other`);
  return pass(`by ${used}; by ${other} it ${worksOtherwise ? "works as well" : "does not work"}`);
}

function versioningOf(versioning: Versioning): Finding {
  if (versioning === "none") return pass("none");
  return pass(`${versioning}: what prune deletes is hidden, until a lifecycle rule expires noncurrent versions`);
}

function lockOf(lock: LockDefault, { lockMode }: BucketWishes): Finding {
  switch (lock.state) {
    case "absent":
      if (lockMode === "") return pass("none");
      return fail(
        `the bucket cannot lock objects, and s3.objectLock.mode is "${lockMode}"`,
        "Make a bucket with object lock enabled, or set s3.objectLock.mode to empty",
      );
    case "optional":
      return pass("possible; no default");
    case "default":
      return pass(`${lock.mode} for ${daysOf(lock.days)} by default`);
  }
}

function lifecycleOf(days: number | undefined): Finding {
  if (days !== undefined) return pass(`unfinished uploads are aborted after ${daysOf(days)}`);
  return warn(
    "no rule aborts unfinished uploads: what a node that died for good has begun stays, and is paid for",
    "Add a lifecycle rule with AbortIncompleteMultipartUpload after a few days",
  );
}

function daysOf(days: number): string {
  return days === 1 ? "1 day" : `${days} days`;
}
