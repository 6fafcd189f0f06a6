import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isBackupError } from "../../src/errors.ts";
import type { SnapshotOrigin } from "../../src/ports/snapshot-source.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import type { EtcdMember } from "../support/etcd-member.ts";
import { etcdPrograms } from "../support/etcd-programs.ts";
import { eventually } from "../support/eventually.ts";
import { reservePort } from "../support/ports.ts";
import { startServer } from "../support/supervisor.ts";
import { tempDir } from "../support/temp-dir.ts";
import { never, sourceOf, takeSnapshot } from "./etcd-rig.ts";

describe("choose() among three members", () => {
  let cluster: EtcdCluster;
  before(async () => {
    cluster = await startEtcd({ members: 3 });
  });
  after(() => cluster[Symbol.asyncDispose]());

  const choose = async (avoid: readonly string[] = [], etcd: Record<string, unknown> = {}): Promise<SnapshotOrigin> => {
    await using source = sourceOf(cluster, etcd);
    return await source.choose(new Set(avoid), never);
  };
  const memberAt = (endpoint: string): EtcdMember =>
    cluster.members.find((member) => member.endpoint === endpoint) ?? assert.fail(`no member at ${endpoint}`);

  it("prefers a follower, avoids whom it is told to, and takes the leader last", async () => {
    const first = await choose();
    const second = await choose([first.member.memberId]);
    const third = await choose([first.member.memberId, second.member.memberId]);
    const chosen = [first, second, third];
    assert.deepEqual(
      chosen.map(({ member }) => member.isLeader),
      [false, false, true],
    );
    assert.equal(new Set(chosen.map(({ member }) => member.memberId)).size, 3);
    assert.deepEqual(chosen.map(({ member }) => member.memberName).sort(), ["m1", "m2", "m3"]);
    assert.ok(chosen.every(({ linearized }) => linearized));
  });

  it("takes one that is to be avoided when there is no other", async () => {
    const { member } = await choose();
    const again = await choose([member.memberId], { endpoints: [member.endpoint] });
    assert.equal(again.member.memberId, member.memberId);
  });

  it("knows two endpoints of one member as one", async () => {
    const [one = "", two = ""] = cluster.endpoints;
    const { member } = await choose([], { endpoints: [one, one.replace("127.0.0.1", "localhost")] });
    assert.equal(member.endpoint, one);
    const other = await choose([member.memberId], {
      endpoints: [one, one.replace("127.0.0.1", "localhost"), two],
    });
    assert.equal(other.member.endpoint, two);
  });

  it("goes on without a member that is down", async () => {
    const { member } = await choose();
    await memberAt(member.endpoint).kill();
    const other = await choose();
    assert.notEqual(other.member.memberId, member.memberId);
    assert.equal(other.linearized, true);
    await memberAt(member.endpoint).restart();
  });

  it("leaves out a member that is cut off from the others, and takes it unlinearized when it is the only one", async () => {
    const { member } = await choose();
    memberAt(member.endpoint).isolate();
    try {
      await cluster.etcdctl(`--endpoints=${(await choose()).member.endpoint}`, "put", "while", "isolated");
      const other = await choose();
      assert.notEqual(other.member.memberId, member.memberId);
      assert.equal(other.linearized, true);
      const alone = await choose([], { endpoints: [member.endpoint] });
      assert.equal(alone.member.memberId, member.memberId);
      assert.equal(alone.linearized, false);
      assert.ok(alone.readRevision < other.readRevision);
    } finally {
      memberAt(member.endpoint).rejoin();
    }
    await eventually(async () => (await choose([], { endpoints: [member.endpoint] })).linearized);
  });

  it("says which endpoints do not belong together", async () => {
    await using another = await startEtcd();
    const endpoints = [...cluster.endpoints, ...another.endpoints];
    await assert.rejects(choose([], { endpoints }), (error) => {
      assert.ok(isBackupError(error, "CONFIG_INVALID"), String(error));
      assert.match(error.message, /several clusters/);
      return true;
    });
  });

  it("takes a snapshot without a quorum, and says that it is not linearized", async () => {
    await Promise.all(cluster.members.slice(1).map((member) => member.kill()));
    await using source = sourceOf(cluster);
    const snapshot = await takeSnapshot(source);
    assert.equal(snapshot.isIntact, true);
    assert.equal(snapshot.origin.linearized, false);
    assert.equal(snapshot.origin.member.memberName, "m1");
    assert.equal(snapshot.origin.readRevision, snapshot.revision);
  });

  it("tells of every endpoint when none answers", async () => {
    await cluster.members[0]?.kill();
    await assert.rejects(choose(), (error) => {
      assert.ok(isBackupError(error, "ETCD_UNAVAILABLE"), String(error));
      for (const endpoint of cluster.endpoints) assert.ok(error.message.includes(endpoint), error.message);
      return true;
    });
  });
});

for (const version of ["3.4", "3.5"] as const) {
  it(`choose() takes no learner of etcd ${version}`, async () => {
    await using cluster = await startEtcd({ version });
    await using directory = await tempDir();
    const learner = await startLearner(cluster, version, directory.path);
    try {
      await using source = sourceOf(cluster, { endpoints: [learner.endpoint] });
      await assert.rejects(source.choose(new Set(), never), (error) => {
        assert.ok(isBackupError(error, "ETCD_UNAVAILABLE"), String(error));
        assert.match(error.hint ?? "", /etcdctl member promote/);
        return true;
      });
      await using both = sourceOf(cluster, { endpoints: [learner.endpoint, ...cluster.endpoints] });
      const { member } = await both.choose(new Set(), never);
      assert.equal(member.endpoint, cluster.endpoints[0]);
    } finally {
      await learner.end();
    }
  });
}

async function startLearner(cluster: EtcdCluster, version: "3.4" | "3.5", directory: string) {
  const peer = `http://127.0.0.1:${await reservePort()}`;
  const endpoint = `http://127.0.0.1:${await reservePort()}`;
  const added = await cluster.etcdctl("member", "add", "m2", "--learner", `--peer-urls=${peer}`);
  const [, initialCluster = ""] = /ETCD_INITIAL_CLUSTER="([^"]+)"/.exec(added) ?? [];
  const { etcd } = await etcdPrograms(version);
  const flags = {
    "--name": "m2",
    "--data-dir": join(directory, "m2"),
    "--listen-client-urls": endpoint,
    "--advertise-client-urls": endpoint,
    "--listen-peer-urls": peer,
    "--initial-advertise-peer-urls": peer,
    "--initial-cluster": initialCluster,
    "--initial-cluster-state": "existing",
  };
  const argv = etcd(...Object.entries(flags).map(([flag, value]) => `${flag}=${value}`));
  const server = await startServer({ argv, cwd: directory, log: join(directory, "m2.log") });
  const isLearner = async () =>
    JSON.parse(await cluster.etcdctl("endpoint", "status", `--endpoints=${endpoint}`, "-w", "json"))[0].Status
      .isLearner;
  await eventually(isLearner);
  return { endpoint, end: () => server.end("SIGKILL") };
}
