import type { IStatusResponse } from "etcd3";
import type { MemberStatus } from "../ports/etcd-probe.ts";

/** A member that answered, and what tells whether it is a good one to read from. */
export interface Candidate extends MemberStatus {
  /** Whether the cluster has found this member's data to differ from the others'. */
  readonly isCorrupt: boolean;
}

/** How many entries a follower may be behind and still be in step: the statuses were not asked at the same moment. */
const IN_STEP = 1000;

/** The member that gave this status at `endpoint`. */
export function toCandidate(endpoint: string, status: IStatusResponse): Candidate {
  const alarms = status.errors.flatMap(readAlarm);
  const memberId = status.header.member_id;
  return {
    member: {
      endpoint,
      clusterId: toHex(status.header.cluster_id),
      memberId: toHex(memberId),
      memberName: "",
      etcdVersion: status.version,
      isLeader: status.leader === memberId,
      dbSize: Number(status.dbSize),
      dbSizeInUse: Number(status.dbSizeInUse),
      alarms: [...new Set(alarms.map(({ alarm }) => alarm))],
    },
    isLearner: status.isLearner,
    hasLeader: status.leader !== "0",
    isCorrupt: alarms.some((one) => one.alarm === "CORRUPT" && one.memberId === memberId),
    raftIndex: Number(status.raftIndex),
    appliedIndex: Number(status.raftAppliedIndex),
  };
}

/** Ids as etcdctl prints them. */
export function toHex(id: string): string {
  return BigInt(id).toString(16);
}

/**
 * The members that may be read from, best first: followers in step, which spare the leader; the leader; followers that
 * lag; members without a leader; corrupt ones. Those whose id is in `avoid` come after all others. Learners are left
 * out, and of several endpoints of one member the first is kept.
 */
export function rankCandidates(candidates: readonly Candidate[], avoid: ReadonlySet<string>): Candidate[] {
  const committed = Math.max(...candidates.map(({ raftIndex }) => raftIndex));
  const rank = (one: Candidate): number => (avoid.has(one.member.memberId) ? 10 : 0) + rankOf(one, committed);
  return candidates
    .filter(({ isLearner }) => !isLearner)
    .filter((one, index, all) => all.findIndex(({ member }) => member.memberId === one.member.memberId) === index)
    .sort((a, b) => rank(a) - rank(b) || b.appliedIndex - a.appliedIndex);
}

function rankOf({ member, hasLeader, isCorrupt, appliedIndex }: Candidate, committed: number): number {
  if (isCorrupt) return 4;
  if (!hasLeader) return 3;
  if (member.isLeader) return 1;
  return committed - appliedIndex <= IN_STEP ? 0 : 2;
}

/** etcd lists alarms as protobuf text among other errors (`v3rpc/maintenance.go` Status): `memberID:1 alarm:NOSPACE `. */
function readAlarm(error: string): { readonly memberId: string; readonly alarm: string }[] {
  const [, memberId = "0", alarm] = /^(?:memberID:(\d+) )?alarm:(\w+)/.exec(error) ?? [];
  return alarm === undefined ? [] : [{ memberId, alarm }];
}
