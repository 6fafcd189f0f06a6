import { type Finding, fail, pass, warn } from "../model/check.ts";
import type { Canary, ConditionOutcome, LockOutcome } from "../ports/bucket-probe.ts";
import type { BucketFacts, BucketWishes } from "./bucket-settings.ts";
import type { Step } from "./steps.ts";

/** A canary, what is known of its bucket, and what is wanted of that. */
export interface CanarySubject {
  readonly canary: Canary;
  readonly facts: BucketFacts;
  readonly wishes: BucketWishes;
}

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

/** What is tried with a canary, in the order of what needs what. */
export function canarySteps(subject: CanarySubject): Step[] {
  const { canary, facts, wishes } = subject;
  // That a bucket which is wished to lock cannot is told by its own row.
  const mayLock = facts.lock === undefined ? wishes.lockMode !== "" : facts.lock.state !== "absent";
  return [
    ...plainSteps(canary),
    ...uploadSteps(subject),
    after("create twice", "put", async (signal) => createOf(await canary.createTwice(signal))),
    after("stale swap", "put", async (signal) => swapOf(await canary.swapStale(signal))),
    ...(mayLock ? [lockStep(subject)] : []),
    after("delete", "put", async (signal) => deleteOf(await canary.delete(signal))),
  ];
}

function plainSteps(canary: Canary): Step[] {
  const put: Step["run"] = async (signal) => {
    const { isVersion } = await canary.put(signal);
    return pass(isVersion ? "written, as a version" : "written");
  };
  return [
    { name: "put", run: put },
    after("get", "put", async (signal) => readOf(await canary.get(signal), "read back whole")),
    after("range", "put", async (signal) => readOf(await canary.getRange(signal), "read back in part")),
    after("listing", "put", async (signal) => listingOf(await canary.isListed(signal))),
  ];
}

function uploadSteps({ canary, wishes }: CanarySubject): Step[] {
  const multipart: Step["run"] = async (signal) => {
    await canary.multipart(signal);
    return pass("begun, uploaded and completed");
  };
  return [
    after("multipart", "put", multipart),
    after("abort", "multipart", async (signal) => abortOf(await canary.abort(signal))),
    after("checksum", "abort", async (signal) => checksumOf(await canary.refusesWrongChecksum(signal), wishes)),
  ];
}

function lockStep({ canary, wishes }: CanarySubject): Step {
  const step = after("lock of parts", "multipart", async (signal) =>
    lockOf(await canary.lockMultipart(signal), wishes),
  );
  return { ...step, isOptional: wishes.lockMode === "" };
}

function after(name: (typeof CANARY_CHECKS)[number], needs: string, run: Step["run"]): Step {
  return { name, needs: [needs], run };
}

function readOf(isSame: boolean, detail: string): Finding {
  if (isSame) return pass(detail);
  return fail("what is read is not what was written", "Look for a proxy or cache before s3.endpoint");
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
