import { isBackupError } from "../errors.ts";
import { type Check, type Finding, pass, warn } from "../model/check.ts";
import { CANARY_CHECKS, type CanarySubject, canarySteps } from "./canary-steps.ts";
import { notTried, runStep, runSteps, type StepsOptions } from "./steps.ts";

/** A canary, and how its steps are made. */
interface Examined extends CanarySubject {
  readonly options: StepsOptions;
}

/** Longer than the lock of some seconds that parts are tried with. */
const REMOVAL_MS = 20_000;

/**
 * Writes, reads and removes. What could not be removed is not written in the first place, as far as that can be known:
 * that it may be is tried on what does not exist, and then on one object.
 */
export async function checkCanary(subject: Examined, signal: AbortSignal): Promise<Check[]> {
  const obstacle = await obstacleTo(subject, signal);
  if (obstacle) {
    const others = CANARY_CHECKS.filter((name) => name !== obstacle.name);
    return [obstacle, notTried("bucket", others)];
  }
  const checks = await runSteps(canarySteps(subject), subject.options, signal);
  return [...checks, await remove(subject)];
}

/** The row that says why nothing, or no more, may be written. */
async function obstacleTo(subject: Examined, signal: AbortSignal): Promise<Check | undefined> {
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
    return { group: "bucket", name: isPlain ? "delete" : "removal", ...finding, detail };
  }
  const mayStay = isUnknown || lock?.state === "default" || (lock === undefined && !isPlain);
  return mayStay ? await tryOne(subject, signal) : undefined;
}

/** One object alone: if that cannot be removed, nothing more is written. */
async function tryOne(subject: Examined, signal: AbortSignal): Promise<Check | undefined> {
  const { canary, options } = subject;
  const put = async (either: AbortSignal): Promise<Finding> => {
    await canary.put(either);
    return pass("");
  };
  const { finding } = await runStep({ run: put }, options, signal);
  const removed = await remove(subject);
  if (finding.outcome !== "pass") return { group: "bucket", name: "put", ...finding };
  return removed.outcome === "pass" ? undefined : removed;
}

/** Under a signal of its own: what was begun is finished also when somebody interrupts. */
async function remove({ canary, options }: Examined): Promise<Check> {
  const run = async (signal: AbortSignal): Promise<Finding> => {
    const left = await canary.remove(signal);
    if (left.length === 0) return pass("nothing of the canary is left");
    const list = left.map(({ what }) => what).join(", ");
    return warn(`left in the bucket: ${list}`, left.map(({ command }) => `Run "${command}"`).join("; "));
  };
  const { finding } = await runStep({ run }, { ...options, boundMs: REMOVAL_MS }, new AbortController().signal);
  return { group: "bucket", name: "removal", ...finding };
}
