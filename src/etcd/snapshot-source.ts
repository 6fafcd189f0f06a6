import type { EtcdConfig } from "../config/schema.ts";
import { BackupError, isBackupError, messageOf } from "../errors.ts";
import type { Revision } from "../model/manifest.ts";
import type { Clock } from "../ports/clock.ts";
import type { KeySpaceHash, Member, SnapshotOrigin, SnapshotSource, SnapshotStream } from "../ports/snapshot-source.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { answersOf } from "./answers.ts";
import { type Candidate, rankCandidates, toCandidate, toHex } from "./candidates.ts";
import { parseEndpoints } from "./endpoint.ts";
import { MemberClient } from "./member-client.ts";
import { TlsFiles } from "./tls-files.ts";

export interface SnapshotSourceOptions {
  readonly config: EtcdConfig;
  readonly clock: Clock;
  /** Told of TLS files that cannot be used while older ones still serve. */
  readonly telemetry?: Pick<Telemetry, "warning">;
}

/** Speaks to the configured endpoints of etcd. Throws `CONFIG_INVALID`; connects only when it is used. */
export function createSnapshotSource({ config, clock, telemetry }: SnapshotSourceOptions): SnapshotSource {
  const tlsFiles = new TlsFiles({ tls: config.tls, clock, telemetry });
  const clients = parseEndpoints(config).map(
    (endpoint) => new MemberClient({ endpoint, tls: config.tls, tlsFiles, clock, auth: config.auth }),
  );
  return new EtcdSource(clients, config.stallTimeout);
}

class EtcdSource implements SnapshotSource {
  readonly #clients: ReadonlyMap<string, MemberClient>;
  readonly #stallTimeoutMs: number;

  constructor(clients: readonly MemberClient[], stallTimeoutMs: number) {
    this.#clients = new Map(clients.map((client) => [client.url, client]));
    this.#stallTimeoutMs = stallTimeoutMs;
  }

  async choose(avoid: ReadonlySet<string>, signal: AbortSignal): Promise<SnapshotOrigin> {
    const ranked = rankCandidates(await this.#candidates(signal), avoid);
    const failures: unknown[] = [];
    const origin =
      (await this.#readAmong(ranked, failures, signal)) ?? (await this.#readAlone(ranked, failures, signal));
    if (origin) return await this.#withName(origin, signal);
    signal.throwIfAborted();
    throw summary(failures.length > 0 ? failures : [onlyLearners()]);
  }

  async open(member: Member, signal: AbortSignal): Promise<SnapshotStream> {
    return await this.#client(member).snapshot(this.#stallTimeoutMs, signal);
  }

  async dbSize(member: Member, signal: AbortSignal): Promise<number> {
    return Number((await this.#client(member).status(signal)).dbSize);
  }

  async countKeys(member: Member, revision: Revision, signal: AbortSignal): Promise<number> {
    const { count } = await this.#client(member).countKeys({ serializable: true, revision }, signal);
    return Number(count);
  }

  async hashKv(member: Member, revision: Revision, signal: AbortSignal): Promise<KeySpaceHash> {
    return { member: member.endpoint, ...(await this.#client(member).hashKv(revision, signal)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients.values()) client[Symbol.dispose]();
  }

  /** Every member that answers. Rejects when none does. */
  async #candidates(signal: AbortSignal): Promise<Candidate[]> {
    const asked = [...this.#clients].map(async ([url, client]) => toCandidate(url, await client.status(signal)));
    const answers = await Promise.allSettled(asked);
    signal.throwIfAborted();
    const candidates = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
    if (candidates.length > 0) return oneCluster(candidates);
    throw summary(answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason] : [])));
  }

  /**
   * A linearizable read through the best member that can make one. Each is asked for a single key to find it: counting
   * them all is work that no other member, least of all the leader, shall do as well.
   */
  async #readAmong(
    ranked: readonly Candidate[],
    failures: unknown[],
    signal: AbortSignal,
  ): Promise<SnapshotOrigin | undefined> {
    const withLeader = ranked.filter(({ hasLeader }) => hasLeader);
    const confirm = async ({ member }: Candidate, either: AbortSignal): Promise<Member> => {
      await this.#client(member).confirm(either);
      return member;
    };
    for await (const member of answersOf(withLeader, confirm, { failures, signal })) {
      const origin = await this.#read(member, true, signal).catch((error: unknown) => failures.push(error));
      if (typeof origin === "object") return origin;
    }
    return undefined;
  }

  /** No quorum: what one member has is better than nothing. */
  async #readAlone(
    ranked: readonly Candidate[],
    failures: unknown[],
    signal: AbortSignal,
  ): Promise<SnapshotOrigin | undefined> {
    const read = ({ member }: Candidate, either: AbortSignal) => this.#read(member, false, either);
    for await (const origin of answersOf(ranked, read, { failures, signal })) return origin;
    return undefined;
  }

  async #read(member: Member, linearized: boolean, signal: AbortSignal): Promise<SnapshotOrigin> {
    const { header, count } = await this.#client(member).countKeys({ serializable: !linearized }, signal);
    return { member, linearized, readRevision: BigInt(header.revision), liveKeys: Number(count) };
  }

  /** A status has no name in it. That nobody tells it is no reason not to back up. */
  async #withName(origin: SnapshotOrigin, signal: AbortSignal): Promise<SnapshotOrigin> {
    const { member } = origin;
    const members = await this.#client(member)
      .members(signal)
      .catch(() => []);
    signal.throwIfAborted();
    const memberName = members.find(({ ID }) => toHex(ID) === member.memberId)?.name ?? "";
    return { ...origin, member: { ...member, memberName } };
  }

  #client(member: Member): MemberClient {
    const client = this.#clients.get(member.endpoint);
    if (client === undefined) throw new Error(`Cannot speak to "${member.endpoint}": it is not in etcd.endpoints`);
    return client;
  }
}

function oneCluster(candidates: Candidate[]): Candidate[] {
  const clusters = new Map(candidates.map(({ member }) => [member.clusterId, member.endpoint]));
  if (clusters.size <= 1) return candidates;
  const list = [...clusters].map(([cluster, endpoint]) => `"${endpoint}" to ${cluster}`).join(", ");
  throw new BackupError("CONFIG_INVALID", `Cannot back up several clusters at once: ${list}`, {
    hint: "Name endpoints of one cluster in etcd.endpoints, and give each cluster a configuration of its own",
  });
}

function onlyLearners(): BackupError {
  return new BackupError("ETCD_UNAVAILABLE", "Cannot take a snapshot: the only members that answer are learners", {
    hint: "A learner may lag behind without telling: promote it with `etcdctl member promote ID`, or name a voting member in etcd.endpoints",
  });
}

/** One error for all endpoints. A refusal counts more than silence, since that can be set right. */
function summary(errors: readonly unknown[]): unknown {
  const [first] = errors;
  const told = errors.find((error) => isBackupError(error, "ETCD_REFUSED")) ?? first;
  const others = new Set(errors.filter((error) => error !== told).map(messageOf));
  others.delete(messageOf(told));
  if (others.size === 0 || !isBackupError(told)) return told;
  const message = `${told.message}; ${[...others].join("; ")}`;
  return new BackupError(told.code, message, { ...(told.hint && { hint: told.hint }), cause: told });
}
