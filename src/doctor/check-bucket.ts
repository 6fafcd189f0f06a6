import { type Check, warn } from "../model/check.ts";
import { layout } from "../model/layout.ts";
import type { BucketProbe } from "../ports/bucket-probe.ts";
import type { Clock } from "../ports/clock.ts";
import { type BucketFacts, type BucketWishes, lockedCanary, settingsSteps } from "./bucket-settings.ts";
import { CANARY_CHECKS } from "./canary-steps.ts";
import { checkCanary } from "./check-canary.ts";
import { runSteps, type StepsOptions } from "./steps.ts";

export interface BucketSubject {
  readonly probe: BucketProbe;
  readonly clock: Clock;
  readonly cluster: string;
  readonly wishes: BucketWishes;
  /** Whether the canary may be written. */
  readonly write: boolean;
  readonly newUuid: () => string;
}

const BOUND_MS = 10_000;

/** Checks what the bucket says of itself and then, with a canary, what it does. */
export async function checkBucket(subject: BucketSubject, signal: AbortSignal): Promise<Check[]> {
  const { probe, clock, write, cluster, newUuid, wishes } = subject;
  const facts: BucketFacts = {};
  const options: StepsOptions = { group: "bucket", clock, boundMs: BOUND_MS, trouble: () => probe.trouble() };
  const settings = await runSteps(settingsSteps({ probe, prefix: `${cluster}/`, wishes }, facts), options, signal);
  const known = [...settings, ...regionOf(probe)];
  // Somebody who does not answer, or does not know the key, would only say the same again.
  if (!write || settings.some(({ name }) => name === "others")) return known;
  const locked = lockedCanary(facts.lock, CANARY_CHECKS, clock.now());
  if (locked) return [...known, { group: "bucket", name: "canary", ...locked }];
  await using canary = probe.canary(layout.canary(cluster, newUuid()));
  return [...known, ...(await checkCanary({ canary, facts, wishes, options }, signal))];
}

/** What the store noticed on the way. */
function regionOf(probe: BucketProbe): Check[] {
  return probe.warnings().map((text) => ({ group: "bucket", name: "region", ...warn(text, "Correct s3.region") }));
}
