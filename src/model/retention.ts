import type { RetentionCandidate, RetentionPolicy } from "./retention-policy.ts";
import { type Keep, keepsByRule } from "./retention-rules.ts";
import type { SnapshotName } from "./snapshot-name.ts";
import { formatInstant, type Instant, isInFuture } from "./time.ts";
import { type TimeZone, timeZone } from "./time-zone.ts";

export type { RetentionCandidate, RetentionPolicy } from "./retention-policy.ts";

/** What is to become of one snapshot, and why. Deferred: unwanted, but more than `maxDeletes` would go. */
export interface Decision {
  readonly action: "keep" | "delete" | "deferred";
  readonly name: SnapshotName;
  readonly reasons: readonly [string, ...string[]];
}

interface Plan {
  readonly policy: RetentionPolicy;
  readonly zone: TimeZone;
  readonly now: Instant;
}

/**
 * Decides about the snapshots of one store: one decision for each, in the order of `snapshots`. Pure;
 * `docs/retention.md` explains it by examples. Throws `CONFIG_INVALID` for an unknown time zone.
 */
export function planRetention(
  snapshots: readonly RetentionCandidate[],
  policy: RetentionPolicy,
  now: Instant,
): Decision[] {
  const plan: Plan = { policy, zone: timeZone(policy.timezone), now };
  const newestFirst = snapshots.toSorted(byAge);
  const keeps = [...Map.groupBy(newestFirst, (each) => each.timeline).values()].flatMap((each) => keepsOf(each, plan));
  const kept = Map.groupBy(keeps, ([snapshot]) => tickKey(snapshot));
  const unwanted = newestFirst.filter((snapshot) => !kept.has(tickKey(snapshot)));
  const deleted = new Set(policy.maxDeletes > 0 ? unwanted.slice(-policy.maxDeletes) : []);
  return snapshots.map((snapshot) => {
    const [first, ...rest] = new Set(kept.get(tickKey(snapshot))?.map(([, reason]) => reason));
    if (first !== undefined) return { action: "keep", name: snapshot.name, reasons: [first, ...rest] };
    if (deleted.has(snapshot)) return { action: "delete", name: snapshot.name, reasons: ["no rule keeps it"] };
    const brake = `maxDeletes ${policy.maxDeletes} reached, left for a later run`;
    return { action: "deferred", name: snapshot.name, reasons: ["no rule keeps it", brake] };
  });
}

/** Which timelines are not pruned: for each the reason, with the command that ends it. */
export function frozenTimelines(snapshots: readonly RetentionCandidate[]): string[] {
  return [...Map.groupBy(snapshots, (each) => each.timeline)].flatMap(([timeline, members]) => {
    const why = freezeReason(members);
    return why === undefined ? [] : [`timeline "${timeline}" is ${why}`];
  });
}

/** Newest first; the store's clock may tell whole seconds only. */
function byAge(a: RetentionCandidate, b: RetentionCandidate): number {
  return b.storedAt - a.storedAt || b.tick - a.tick || (a.name < b.name ? 1 : -1);
}

function tickKey({ timeline, kind, tick }: RetentionCandidate): string {
  return `${kind} ${tick} ${timeline}`;
}

/** The keeps of one timeline, whose snapshots come newest first. */
function keepsOf(timeline: readonly RetentionCandidate[], plan: Plan): Keep[] {
  const frozen = freezeReason(timeline);
  if (frozen !== undefined) return timeline.map((snapshot) => [snapshot, frozen]);
  const newest = timeline.find((each) => counts(each, plan.now));
  return [
    ...(newest ? [[newest, "newest good of its timeline"] as const] : []),
    ...keepsByRule({ ...plan, snapshots: timeline, counts: (each) => counts(each, plan.now) }),
    ...timeline.flatMap((snapshot) => keepsByItself(snapshot, plan.now)),
  ];
}

function freezeReason(timeline: readonly RetentionCandidate[]): string | undefined {
  const suspects = timeline.filter((each) => each.suspect).map(({ name }) => name);
  if (suspects.length === 0) return undefined;
  return `frozen until \`etcd-ark accept ${suspects.toSorted().join(" ")}\`: history looks wrong there`;
}

/** Damaged snapshots and such with an impossible time take no place from others. */
function counts(snapshot: RetentionCandidate, now: Instant): boolean {
  return snapshot.good && !snapshot.suspect && !isInFuture(snapshot.storedAt, now);
}

function keepsByItself(snapshot: RetentionCandidate, now: Instant): Keep[] {
  const { lockedUntil, storedAt } = snapshot;
  return [
    ...(snapshot.corrupt ? [[snapshot, "corrupt: delete it by hand when it has been looked at"] as const] : []),
    ...(isInFuture(storedAt, now) ? [[snapshot, "stored in the future by the store's clock"] as const] : []),
    ...(lockedUntil !== undefined && lockedUntil > now
      ? [[snapshot, `locked until ${formatInstant(lockedUntil)}`] as const]
      : []),
  ];
}
