import { PERIODS, periodOf } from "./retention-period.ts";
import type { RetentionCandidate, RetentionPolicy } from "./retention-policy.ts";
import type { Instant } from "./time.ts";
import type { TimeZone } from "./time-zone.ts";

/** One reason to keep one snapshot, and with it all of its tick. */
export type Keep = readonly [snapshot: RetentionCandidate, reason: string];

/** What the rules of one timeline see. */
export interface RuleInput {
  /** Of one timeline, newest first. */
  readonly snapshots: readonly RetentionCandidate[];
  /** Whether a snapshot may take another one's place. */
  readonly counts: (snapshot: RetentionCandidate) => boolean;
  readonly policy: RetentionPolicy;
  /** `policy.timezone`. */
  readonly zone: TimeZone;
}

interface Rule {
  /** How many buckets. */
  readonly count: number;
  /** Of each bucket the newest snapshot is kept. */
  readonly bucketOf: (snapshot: RetentionCandidate) => string | number;
  readonly describe: (bucket: string | number) => string;
}

/** What the rules keep; those for scheduled snapshots and those for on-demand ones know nothing of one another. */
export function keepsByRule(input: RuleInput): Keep[] {
  const { policy } = input;
  return [
    ...keepsOfKind("scheduled", { rules: scheduledRules(input), within: policy.within }, input),
    ...keepsOfKind("on-demand", { rules: [lastRule(policy.onDemand.last)], within: policy.onDemand.within }, input),
  ];
}

function keepsOfKind(
  kind: RetentionCandidate["kind"],
  { rules, within }: { readonly rules: readonly Rule[]; readonly within: number },
  { snapshots, counts }: RuleInput,
): Keep[] {
  const ofKind = snapshots.filter((each) => each.kind === kind);
  if (within === 0 && rules.every(({ count }) => count === 0)) {
    return ofKind.map((snapshot) => [snapshot, `no rule is set for ${kind} snapshots`]);
  }
  const oldest = within > 0 ? newestTime(snapshots, counts) - within : Number.POSITIVE_INFINITY;
  return [
    ...rules.flatMap((rule) => keepsOfRule(rule, ofKind, counts)),
    ...ofKind.filter(({ storedAt }) => storedAt >= oldest).map((snapshot) => [snapshot, "within"] as const),
  ];
}

/** `within` counts back from here and not from now, as in restic: a timeline that has ended does not age away. */
function newestTime(snapshots: RuleInput["snapshots"], counts: RuleInput["counts"]): Instant {
  return snapshots.find(counts)?.storedAt ?? Number.NEGATIVE_INFINITY;
}

function keepsOfRule(rule: Rule, newestFirst: readonly RetentionCandidate[], counts: RuleInput["counts"]): Keep[] {
  const taken = new Set<string | number>();
  return newestFirst.flatMap((snapshot) => {
    if (taken.size >= rule.count) return [];
    const bucket = rule.bucketOf(snapshot);
    if (taken.has(bucket)) return [];
    if (counts(snapshot)) taken.add(bucket);
    return [[snapshot, rule.describe(bucket)] as const];
  });
}

function scheduledRules({ policy, zone }: RuleInput): Rule[] {
  const periods = PERIODS.map((period) => ({
    count: policy[period],
    bucketOf: (snapshot: RetentionCandidate) => periodOf(period, snapshot.storedAt, zone),
    describe: (bucket: string | number) => `${period} ${bucket}`,
  }));
  return [lastRule(policy.last), ...periods];
}

function lastRule(count: number): Rule {
  return { count, bucketOf: ({ tick }) => tick, describe: () => "last" };
}
