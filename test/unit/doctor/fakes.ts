import { BackupError } from "../../../src/errors.ts";
import type { Check } from "../../../src/model/check.ts";
import type { BucketProbe, Canary } from "../../../src/ports/bucket-probe.ts";
import type { CredentialSource, CredentialsDescription, Identity } from "../../../src/ports/credentials.ts";
import type { EtcdProbe, MemberStatus } from "../../../src/ports/etcd-probe.ts";
import type { Member } from "../../../src/ports/snapshot-source.ts";

export const never = new AbortController().signal;
export const HEALTHY_VERSION = "3.5.21";

export const refused = (action: string): BackupError =>
  new BackupError("STORE_REFUSED", `Cannot do it: access denied to ${action}`, { hint: `Allow "${action}"` });
export const dead = new BackupError("STORE_UNAVAILABLE", "Cannot reach it", { hint: "Start it" });

/** The rows by their names, as `outcome: detail`. */
export function rowsOf(checks: readonly Check[]): Record<string, string> {
  return Object.fromEntries(checks.map(({ name, outcome, detail }) => [name, `${outcome}: ${detail}`]));
}

/** Names of the rows that did not pass, with how they ended. */
export function troubles(checks: readonly Check[]): string[] {
  return checks.flatMap(({ name, outcome }) => (outcome === "pass" ? [] : [`${outcome} ${name}`]));
}

export function hintOf(checks: readonly Check[], name: string): string {
  const check = checks.find((each) => each.name === name);
  return check === undefined || check.outcome === "pass" ? "" : check.hint;
}

/** A canary in a bucket without faults; it notes what is called. */
export function fakeCanary(overrides: Partial<Canary> = {}): Canary & { readonly calls: string[] } {
  const calls: string[] = [];
  const canary: Canary = {
    mayDelete: async () => undefined,
    mayDeleteVersion: async () => undefined,
    put: async () => ({ isVersion: false }),
    get: async () => true,
    getRange: async () => true,
    isListed: async () => true,
    delete: async () => true,
    multipart: async () => undefined,
    abort: async () => true,
    refusesWrongChecksum: async () => true,
    createTwice: async () => "held",
    swapStale: async () => "held",
    lockMultipart: async () => "kept",
    remove: async () => [],
    [Symbol.asyncDispose]: async () => void calls.push("dispose"),
    ...overrides,
  };
  const noted = Object.entries(canary).map(([name, run]) => [
    name,
    (signal: AbortSignal) => {
      calls.push(name);
      return run(signal);
    },
  ]);
  return { ...canary, ...Object.fromEntries(noted), calls };
}

/** A bucket without faults, and without versions and locks. */
export function fakeBucket(overrides: Partial<BucketProbe> = {}): BucketProbe {
  return {
    url: "s3://b/",
    endpoint: "http://s3.test",
    addressing: "path",
    trouble: () => undefined,
    skewMs: () => 0,
    warnings: () => [],
    reach: async () => undefined,
    reachOtherwise: async () => true,
    list: async () => undefined,
    versioning: async () => "none",
    lockDefault: async () => ({ state: "absent" }),
    daysToAbort: async () => 3,
    canary: () => fakeCanary(),
    [Symbol.asyncDispose]: async () => undefined,
    ...overrides,
  };
}

export function status(
  endpoint: string,
  of: Partial<Omit<MemberStatus, "member">> & { member?: Partial<Member> } = {},
): MemberStatus {
  const member: Member = {
    endpoint,
    clusterId: "cafe",
    memberId: endpoint,
    memberName: "",
    etcdVersion: HEALTHY_VERSION,
    isLeader: true,
    dbSize: 2 ** 20,
    dbSizeInUse: 2 ** 20,
    alarms: [],
    ...of.member,
  };
  return { isLearner: false, hasLeader: true, raftIndex: 5000, appliedIndex: 5000, ...of, member };
}

/** A cluster of members that give these statuses, or reject with them. */
export function fakeEtcd(
  statuses: Readonly<Record<string, MemberStatus | BackupError>>,
  overrides: Partial<EtcdProbe> = {},
): EtcdProbe {
  return {
    endpoints: Object.keys(statuses),
    username: "",
    status: async (endpoint) => {
      const answer = statuses[endpoint];
      if (answer === undefined || answer instanceof BackupError) throw answer;
      return answer;
    },
    confirm: async () => undefined,
    roles: async () => ["root"],
    certificate: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
    ...overrides,
  };
}

export function fakeCredentials(
  description: Partial<CredentialsDescription> = {},
  identity: Partial<Identity> = {},
): CredentialSource {
  return {
    current: async () => ({ accessKeyId: "AKIDTAIL", secretAccessKey: "s3cr3t", ...identity }),
    refresh: async () => undefined,
    replace: async () => undefined,
    accepted: () => undefined,
    describe: () => ({ layer: "sharedFile", source: "/root/.aws/credentials", keyTail: "TAIL", ...description }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
