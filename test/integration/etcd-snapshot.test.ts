import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { tempDir } from "../support/temp-dir.ts";
import { never, putKeys, revisionOf, sourceOf, takeSnapshot } from "./etcd-rig.ts";

for (const version of ["3.4", "3.5"] as const) {
  describe(`a snapshot of etcd ${version}`, () => {
    it("is what etcdctl saves", async () => {
      await using cluster = await startEtcd({ version });
      await using directory = await tempDir();
      await using source = sourceOf(cluster);
      await putKeys(cluster.endpoints[0] ?? "", { count: 50, size: 20_000 });
      const [ours, theirs] = [join(directory.path, "ours.db"), join(directory.path, "theirs.db")];
      const snapshot = await takeSnapshot(source);
      await writeFile(ours, snapshot.bytes);
      await cluster.etcdctl("snapshot", "save", theirs);

      assert.equal(snapshot.isIntact, true);
      const [status, other] = await Promise.all(
        [ours, theirs].map((file) => cluster.etcdutl("snapshot", "status", file, "-w", "json")),
      );
      assert.equal(status, other);
      // From 3.5 on etcd writes a transaction before each snapshot, so that no two are of the same bytes.
      if (version === "3.4") assert.ok(snapshot.bytes.equals(await readFile(theirs)));
    });

    it("has the revision that etcd has, whatever was deleted and compacted", async () => {
      await using cluster = await startEtcd({ version });
      await using source = sourceOf(cluster);
      const endpoint = cluster.endpoints[0] ?? "";
      await expectRevision(cluster, source);

      await putKeys(endpoint, { count: 300, size: 100 });
      await expectRevision(cluster, source);
      await putKeys(endpoint, { count: 9, size: 1_000_000 });
      await cluster.etcdctl("put", "last", "small");
      await expectRevision(cluster, source);
      await cluster.etcdctl("del", "", "--from-key");
      await expectRevision(cluster, source);
      await cluster.etcdctl("compact", "--physical", String(await revisionOf(cluster)));
      await expectRevision(cluster, source);
      await cluster.etcdctl("defrag");
      await expectRevision(cluster, source);
    });

    it("is accepted and restored by etcd's own tools", async () => {
      await using cluster = await startEtcd({ version });
      await using directory = await tempDir();
      await using source = sourceOf(cluster);
      await putKeys(cluster.endpoints[0] ?? "", { count: 20, size: 1000 });
      const snapshot = await takeSnapshot(source);
      const file = join(directory.path, "snapshot.db");
      await writeFile(file, snapshot.bytes);

      const status = JSON.parse(await cluster.etcdutl("snapshot", "status", file, "-w", "json"));
      await cluster.etcdutl("snapshot", "restore", file, "--data-dir", join(directory.path, "restored"));
      assert.equal(BigInt(status.revision), snapshot.revision);
      assert.equal(status.totalSize, snapshot.dbSize);
    });
  });
}

describe("SnapshotSource", () => {
  it("choose() describes the member as etcd's own tools do", async () => {
    await using cluster = await startEtcd();
    await using source = sourceOf(cluster);
    await putKeys(cluster.endpoints[0] ?? "", { count: 7, size: 10 });
    await cluster.etcdctl("del", "key-0");
    const { member, linearized, readRevision, liveKeys } = await source.choose(new Set(), never);
    const [{ Status: status }] = JSON.parse(await cluster.etcdctl("endpoint", "status", "-w", "json"));

    assert.deepEqual({ linearized, readRevision, liveKeys }, { linearized: true, readRevision: 9n, liveKeys: 6 });
    assert.equal(member.endpoint, cluster.endpoints[0]);
    assert.equal(member.memberName, "m1");
    assert.equal(member.etcdVersion, cluster.version);
    assert.equal(member.isLeader, true);
    assert.deepEqual(member.alarms, []);
    assert.equal(member.dbSize, status.dbSize);
    assert.equal(await source.dbSize(member, never), status.dbSize);
    const [, memberId = ""] = /^([0-9a-f]+), started, m1/.exec(await cluster.etcdctl("member", "list")) ?? [];
    assert.equal(member.memberId, memberId);
  });

  it("choose() tells of alarms", async () => {
    await using cluster = await startEtcd({ extraArgs: ["--quota-backend-bytes=1000000"] });
    await using source = sourceOf(cluster);
    await assert.rejects(putKeys(cluster.endpoints[0] ?? "", { count: 1000, size: 100_000 }));
    const { member } = await source.choose(new Set(), never);
    assert.deepEqual(member.alarms, ["NOSPACE"]);
  });

  it("never goes through a proxy", async () => {
    await using cluster = await startEtcd({ auth: true });
    const names = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "grpc_proxy"];
    const before = names.map((name) => process.env[name]);
    for (const name of names) process.env[name] = "http://127.0.0.1:1";
    try {
      await using source = sourceOf(cluster);
      assert.equal((await takeSnapshot(source)).isIntact, true);
    } finally {
      for (const [index, name] of names.entries()) {
        const value = before[index];
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
});

async function expectRevision(cluster: EtcdCluster, source: ReturnType<typeof sourceOf>): Promise<void> {
  const revision = await revisionOf(cluster);
  const snapshot = await takeSnapshot(source);
  assert.equal(snapshot.isIntact, true);
  assert.equal(snapshot.revision, revision);
  assert.equal(snapshot.origin.readRevision, revision);
}
