import { type Check, type Finding, fail, pass, warn } from "../model/check.ts";
import type { Clock } from "../ports/clock.ts";
import type { EtcdProbe, MemberStatus } from "../ports/etcd-probe.ts";
import { formatMiB } from "./format.ts";
import { notTried, runStep, runSteps, type Step } from "./steps.ts";
import { lossyWatchOf } from "./watch-bugs.ts";

export interface EtcdSubject {
  readonly probe: EtcdProbe;
  readonly clock: Clock;
}

/** A login, a call, and another connection to learn why there is none: each has a bound of its own below this. */
const BOUND_MS = 20_000;
/** Entries of the raft log that a follower may be behind: statuses are not asked at the same moment. */
const IN_STEP = 1000;
/** A database smaller than this is not worth a defragmentation. */
const SMALL_DB_BYTES = 16 * 2 ** 20;
const DAY_MS = 86_400_000;
const RENEW_DAYS = 30;

/** Checks every configured endpoint, and then what they said together. */
export async function checkEtcd(subject: EtcdSubject, signal: AbortSignal): Promise<Check[]> {
  const { probe, clock } = subject;
  const options = { group: "etcd", clock, boundMs: BOUND_MS } as const;
  const certificate = { name: "certificate", run: (either: AbortSignal) => certificateOf(subject, either) };
  const { finding, error } = await runStep(certificate, options, signal);
  const own: Check = { group: "etcd", name: "certificate", ...finding };
  // No connection comes about without it, and each endpoint would only say so again.
  if (error !== undefined) return [own, notTried("etcd", ["everything else"])];
  const asked = await Promise.all(probe.endpoints.map((endpoint) => askStatus(subject, endpoint, signal)));
  const reached = asked.map(({ check }) => check);
  const statuses = asked.flatMap(({ status }) => status ?? []);
  const steps = stepsFor(subject, statuses);
  const names = steps.map(({ name }) => name);
  const rest = statuses.length === 0 ? [notTried("etcd", names)] : await runSteps(steps, options, signal);
  return [...reached, own, ...rest];
}

async function askStatus(
  { probe, clock }: EtcdSubject,
  endpoint: string,
  signal: AbortSignal,
): Promise<{ readonly check: Check; readonly status: MemberStatus | undefined }> {
  let status: MemberStatus | undefined;
  const run = async (either: AbortSignal): Promise<Finding> => {
    status = await probe.status(endpoint, either);
    return pass(describe(status));
  };
  const { finding } = await runStep({ run }, { clock, boundMs: BOUND_MS }, signal);
  return { check: { group: "etcd", name: endpoint, ...finding }, status };
}

function describe({ member, isLearner, hasLeader }: MemberStatus): string {
  const role = isLearner ? "learner" : member.isLeader ? "leader" : hasLeader ? "follower" : "without a leader";
  return `${member.etcdVersion}, ${role}, member ${member.memberId} of cluster ${member.clusterId}`;
}

function stepsFor({ probe }: EtcdSubject, statuses: readonly MemberStatus[]): Step[] {
  const voting = statuses.filter(({ isLearner }) => !isLearner);
  const auth: Step = {
    name: "user",
    isOptional: true,
    run: async (signal) =>
      rolesOf(probe.username, await firstOf(voting, (at, either) => probe.roles(at, either), signal)),
  };
  const quorum: Step = {
    name: "quorum",
    needs: ["role"],
    run: async (signal) => {
      await firstOf(voting, (at, either) => probe.confirm(at, either), signal);
      return pass("a linearizable read was answered");
    },
  };
  return [
    { name: "cluster", run: async () => clusterOf(statuses) },
    { name: "version", run: async () => versionOf(statuses) },
    { name: "role", run: async () => roleOf(statuses, voting) },
    { name: "alarms", run: async () => alarmsOf(statuses) },
    quorum,
    ...(probe.username === "" ? [] : [{ ...auth, needs: ["quorum"] }]),
    { name: "raft lag", run: async () => lagOf(statuses) },
    { name: "database size", run: async () => sizeOf(statuses) },
  ];
}

/** Asks all at once; one answer is enough. Rejects with the first one's error. */
async function firstOf<Answer>(
  statuses: readonly MemberStatus[],
  ask: (endpoint: string, signal: AbortSignal) => Promise<Answer>,
  signal: AbortSignal,
): Promise<Answer> {
  const asked = statuses.map(({ member }) => ask(member.endpoint, signal));
  try {
    return await Promise.any(asked);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  }
}

function clusterOf(statuses: readonly MemberStatus[]): Finding {
  const ids = new Set(statuses.map(({ member }) => member.clusterId));
  if (ids.size === 1) return pass([...ids].join());
  const list = statuses.map(({ member }) => `"${member.endpoint}" to ${member.clusterId}`).join(", ");
  return fail(`the endpoints belong to several clusters: ${list}`, "Name endpoints of one cluster in etcd.endpoints");
}

function versionOf(statuses: readonly MemberStatus[]): Finding {
  const lossy = statuses.find(({ member }) => lossyWatchOf(member.etcdVersion) !== undefined);
  if (lossy === undefined) return pass(listOf(statuses.map(({ member }) => member.etcdVersion)));
  const { etcdVersion } = lossy.member;
  return warn(
    `${etcdVersion} may leave out events when a watch takes up again after a compaction; snapshots are whole all the same`,
    `Upgrade etcd to ${lossyWatchOf(etcdVersion)} or later`,
  );
}

function roleOf(statuses: readonly MemberStatus[], voting: readonly MemberStatus[]): Finding {
  const learners = statuses.filter(({ isLearner }) => isLearner).map(({ member }) => `"${member.endpoint}"`);
  if (learners.length === 0) return pass("all that answer vote");
  const detail = `${learners.join(", ")} cannot be read from: a learner may lag behind without telling`;
  const hint = "Promote it with `etcdctl member promote ID`, or name voting members in etcd.endpoints";
  return voting.length === 0 ? fail(detail, hint) : warn(detail, hint);
}

function alarmsOf(statuses: readonly MemberStatus[]): Finding {
  const alarms = new Set(statuses.flatMap(({ member }) => member.alarms));
  if (alarms.has("CORRUPT")) {
    return fail(
      "CORRUPT: the data of a member differs from the others'",
      "Find it with `etcdctl alarm list`, remove it from the cluster and add it anew",
    );
  }
  if (alarms.size === 0) return pass("none");
  return warn(
    `${[...alarms].join(", ")}: etcd takes no writes`,
    "Compact and defragment (`etcdctl defrag`), or raise --quota-backend-bytes; then `etcdctl alarm disarm`",
  );
}

function rolesOf(username: string, roles: readonly string[]): Finding {
  if (roles.includes("root")) return pass(`"${username}" has the root role`);
  return fail(
    `"${username}" has not the root role, which a snapshot needs`,
    `Run "etcdctl user grant-role ${username} root"`,
  );
}

function lagOf(statuses: readonly MemberStatus[]): Finding {
  const committed = Math.max(...statuses.map(({ raftIndex }) => raftIndex));
  const behind = statuses.filter(({ appliedIndex }) => committed - appliedIndex > IN_STEP);
  if (behind.length === 0) return pass(`within ${IN_STEP} entries`);
  const list = behind.map(({ member, appliedIndex }) => `"${member.endpoint}" by ${committed - appliedIndex} entries`);
  return warn(
    `behind: ${list.join(", ")}`,
    "See whether that member's disk or network is slow: `etcdctl endpoint status`",
  );
}

function sizeOf(statuses: readonly MemberStatus[]): Finding {
  const loose = statuses.find(
    ({ member: { dbSize, dbSizeInUse } }) => dbSizeInUse > 0 && dbSize > SMALL_DB_BYTES && dbSizeInUse * 2 < dbSize,
  );
  if (loose === undefined) return pass(listOf(statuses.map(({ member }) => formatMiB(member.dbSize))));
  const { endpoint, dbSize, dbSizeInUse } = loose.member;
  return warn(
    `${formatMiB(dbSize)} at "${endpoint}", of which only ${formatMiB(dbSizeInUse)} are in use: a snapshot carries all of it`,
    `Run "etcdctl defrag --endpoints=${endpoint}", at a quiet hour: it blocks the member`,
  );
}

async function certificateOf({ probe, clock }: EtcdSubject, signal: AbortSignal): Promise<Finding> {
  const certificate = await probe.certificate(signal);
  if (certificate === undefined) return pass("none is configured");
  const { path, notAfter } = certificate;
  const days = Math.floor((notAfter - clock.now()) / DAY_MS);
  const detail = `"${path}" ends at ${new Date(notAfter).toISOString()}`;
  const hint = "Renew it; it is read again for each connection";
  if (notAfter <= clock.now()) return fail(`${detail}: it has expired`, hint);
  return days < RENEW_DAYS ? warn(`${detail}, in ${days} days`, hint) : pass(detail);
}

function listOf(words: readonly string[]): string {
  return [...new Set(words)].join(", ");
}
