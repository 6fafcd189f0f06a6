import { isBackupError } from "../errors.ts";
import { type Check, type Finding, fail, pass, warn } from "../model/check.ts";
import type { Canary, ConditionOutcome, LockOutcome } from "../ports/bucket-probe.ts";
import type { BucketFacts, BucketWishes } from "./bucket-settings.ts";
import { notTried, runStep, runSteps, type Step, type StepsOptions } from "./steps.ts";

export interface CanarySubject {
  readonly canary: Canary;
  readonly facts: BucketFacts;
  readonly wishes: BucketWishes;
  readonly options: StepsOptions;
}

/** Longer than the lock of some seconds that parts are tried with. */
const REMOVAL_MS = 20_000;

/** What is tried with a canary. */
export const CANARY_CHECKS = [
  "put",
  "get",
  "range",
  "listing",
  "multipart",
  "abort",
  "checksum",
  "create twice",
  "stale swap",
  "lock of parts",
  "delete",
] as const;

/**
 * Writes, reads and removes. What could not be removed is not written in the first place, as far as that can be known:
 * that it may be is tried on what does not exist, and then on one object.
 */
export async function checkCanary(subject: CanarySubject, signal: AbortSignal): Promise<Check[]> {
  const obstacle = await obstacleTo(subject, signal);
  if (obstacle)
    return [
      ...obstacle,
      notTried(
        "bucket",
        CANARY_CHECKS.filter((name) => name !== obstacle[0]?.name),
      ),
    ];
  const checks = await runSteps(canarySteps(subject), subject.options, signal);
  return [...checks, await remove(subject)];
}

/** The rows that say why nothing, or no more, may be written. */
async function obstacleTo(subject: CanarySubject, signal: AbortSignal): Promise<Check[] | undefined> {
  const { canary, facts, options } = subject;
  const { versioning, lock } = facts;
  const isPlain = versioning === "none";
  const may = async (either: AbortSignal): Promise<Finding> => {
    await (isPlain ? canary.mayDelete(either) : canary.mayDeleteVersion(either));
    return pass("");
  };
  const { finding, error } = await runStep({ run: may, isOptional: !isPlain }, options, signal);
  // With a key that may not even ask for versioning, the bucket may be a plain one all the same.
  const isUnknown = versioning === undefined && isBackupError(error, "STORE_REFUSED");
  if (finding.outcome !== "pass" && !isUnknown) {
    const detail = `nothing is written, since it could not be removed: ${finding.detail}`;
    return [{ group: "bucket", name: isPlain ? "delete" : "removal", ...finding, detail }];
  }
  const mayStay = isUnknown || lock?.state === "default" || (lock === undefined && !isPlain);
  return mayStay ? await tryOne(subject, signal) : undefined;
}

/** One object alone: if that cannot be removed, nothing more is written. */
async function tryOne(subject: CanarySubject, signal: AbortSignal): Promise<Check[] | undefined> {
  const { canary, options } = subject;
  const put = async (either: AbortSignal): Promise<Finding> => {
    await canary.put(either);
    return pass("");
  };
  const { finding } = await runStep({ run: put }, options, signal);
  const removed = await remove(subject);
  if (finding.outcome !== "pass") return [{ group: "bucket", name: "put", ...finding }];
  return removed.outcome === "pass" ? undefined : [removed];
}

/** Under a signal of its own: what was begun is finished also when somebody interrupts. */
async function remove({ canary, options }: CanarySubject): Promise<Check> {
  const run = async (signal: AbortSignal): Promise<Finding> => {
    const left = await canary.remove(signal);
    if (left.length === 0) return pass("nothing of the canary is left");
    const list = left.map(({ what }) => what).join(", ");
    return warn(`left in the bucket: ${list}`, left.map(({ command }) => `Run "${command}"`).join("; "));
  };
  const { finding } = await runStep({ run }, { ...options, boundMs: REMOVAL_MS }, new AbortController().signal);
  return { group: "bucket", name: "removal", ...finding };
}

function canarySteps({ canary, facts, wishes }: CanarySubject): Step[] {
  const same = (isSame: boolean, detail: string): Finding =>
    isSame
      ? pass(detail)
      : fail("what is read is not what was written", "Look for a proxy or cache before s3.endpoint");
  const after = (name: string, needs: string, run: Step["run"]): Step => ({ name, needs: [needs], run });
  const put: Step["run"] = async (signal) => {
    const { isVersion } = await canary.put(signal);
    return pass(isVersion ? "written, as a version" : "written");
  };
  // That a bucket which is wished to lock cannot is told by its own row.
  const mayLock = facts.lock === undefined ? wishes.lockMode !== "" : facts.lock.state !== "absent";
  return [
    { name: "put", run: put },
    after("get", "put", async (signal) => same(await canary.get(signal), "read back whole")),
    after("range", "put", async (signal) => same(await canary.getRange(signal), "read back in part")),
    after("listing", "put", async (signal) => listingOf(await canary.isListed(signal))),
    after("multipart", "put", async (signal) => {
      await canary.multipart(signal);
      return pass("begun, uploaded and completed");
    }),
    after("abort", "multipart", async (signal) => abortOf(await canary.abort(signal))),
    after("checksum", "abort", async (signal) => checksumOf(await canary.refusesWrongChecksum(signal), wishes)),
    after("create twice", "put", async (signal) => createOf(await canary.createTwice(signal))),
    after("stale swap", "put", async (signal) => swapOf(await canary.swapStale(signal))),
    ...(mayLock
      ? [
          {
            ...after("lock of parts", "multipart", async (signal) =>
              lockOf(await canary.lockMultipart(signal), wishes),
            ),
            isOptional: wishes.lockMode === "",
          },
        ]
      : []),
    after("delete", "put", async (signal) => deleteOf(await canary.delete(signal))),
  ];
}

function listingOf(isListed: boolean): Finding {
  if (isListed) return pass("a new object is listed at once");
  return fail(
    "an object that was just written is not listed",
    "etcd-ark finds its snapshots by listing: look for a proxy or cache, or another service",
  );
}

function abortOf(isGone: boolean): Finding {
  if (isGone) return pass("an unfinished upload is listed, and gone once it is aborted");
  return warn(
    "unfinished uploads are not listed as they should be, so that those of killed runs are not found",
    "Add a lifecycle rule with AbortIncompleteMultipartUpload after a few days",
  );
}

function checksumOf(isRefused: boolean, { checksum }: BucketWishes): Finding {
  if (isRefused) return pass("a part with a wrong CRC32 is refused");
  if (checksum !== "crc") return pass("CRC32 is ignored; what guards each part is its signed SHA-256");
  return warn('CRC32 is ignored, and s3.checksum is "crc"', 'Set s3.checksum to "auto" or "md5"');
}

function createOf(outcome: ConditionOutcome): Finding {
  if (outcome === "held") return pass("If-None-Match keeps the first of two writers");
  return warn(
    `If-None-Match is ${outcome}: two that write the same record at once may both succeed`,
    "Let one node at a time write to a cluster's folder, and give each node a name of its own",
  );
}

function swapOf(outcome: ConditionOutcome): Finding {
  if (outcome === "held") return pass("If-Match lets through who saw the last state alone");
  return pass(`If-Match is ${outcome}; nothing here depends on it`);
}

function lockOf(outcome: LockOutcome, { lockMode }: BucketWishes): Finding {
  if (outcome === "kept") return pass("a lock is kept by an upload in parts");
  if (outcome === "setAfterwards")
    return pass("dropped by an upload in parts, and set by a request of its own, as backups do");
  const detail = "an object that was uploaded in parts cannot be locked";
  const hint = "See whether this service supports object lock; set s3.objectLock.mode to empty otherwise";
  return lockMode === "" ? warn(detail, hint) : fail(detail, hint);
}

function deleteOf(isGone: boolean): Finding {
  if (isGone) return pass("deleted, and gone from sight");
  return fail(
    "the service says that it deleted an object which is still there",
    "See whether the bucket has a lock or retention rule that the service applies silently",
  );
}
