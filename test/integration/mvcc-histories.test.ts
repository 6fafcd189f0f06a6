import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { type Random, seededRandom } from "../support/random.ts";
import { type SnapshotStatus, snapshotStatus, startRestored } from "../support/restored-etcd.ts";
import { tempDir } from "../support/temp-dir.ts";
import { Gateway, hashKvOf, inspectFile } from "./mvcc-rig.ts";
import { RandomHistory } from "./random-history.ts";

const VERSIONS = ["3.4", "3.5"] as const;
const CASES = 60;
/** Between two snapshots. */
const MAX_STEPS = 12;

describe("inspectDatabase() and hashKv() of random histories", { concurrency: VERSIONS.length }, () => {
  for (const version of VERSIONS) {
    it(`agree with stock tools and the live server in ${CASES} snapshots of etcd ${version}`, async (context) => {
      const seed = Number(process.env["ETCD_ARK_TEST_SEED"] ?? randomInt(2 ** 31));
      context.diagnostic(`ETCD_ARK_TEST_SEED=${seed} makes the same histories again`);
      const random = seededRandom(seed);
      await using cluster = await startEtcd({ version });
      await using directory = await tempDir();
      const gateway = new Gateway(cluster.endpoints[0] ?? "");
      const history = new RandomHistory(gateway, random);
      const file = join(directory.path, "snapshot.db");
      let hashes = 0;
      // The first snapshot is of an empty key space.
      for (let index = 0; index < CASES; index++) {
        for (let left = index === 0 ? 0 : random.int(1, MAX_STEPS); left > 0; left--) await history.step();
        await assertSound({ cluster, version, file, gateway }, `seed ${seed}, snapshot ${index}`);
        hashes += await assertEarlierHashes({ file, gateway }, random);
      }
      assert.ok(hashes > CASES / 2, `only ${hashes} earlier revisions were compared`);
    });

    it(`agree about a compaction that is scheduled and not finished, of etcd ${version}`, async () => {
      await using cluster = await startEtcd({ version });
      const [member] = cluster.members;
      assert.ok(member);
      const gateway = new Gateway(member.endpoint);
      for (let round = 0; round < 160; round++) {
        const key = (index: number): string => Buffer.from(`key ${index}`).toString("base64");
        const success = Array.from({ length: 128 }, (_, index) => ({ request_put: { key: key(index), value: "" } }));
        await gateway.call("kv/txn", { success });
      }
      await gateway.call("kv/compaction", { revision: 150 });
      await member.kill();
      const file = join(member.dataDir, "member", "snap", "db");
      const [ours, stock] = [await inspectFile(file), await snapshotStatus(file, version)];
      await member.restart();
      const server = await gateway.hashKv(0n);

      assert.deepEqual(ours.findings, []);
      assert.deepEqual(pick(ours.status), pick(stock));
      assert.equal(ours.compactRevision, 150n);
      assert.equal(ours.revision, 161n);
      // All rows are there, and so many of them are only due to go.
      assert.ok(ours.status.totalKey > 11 * 128 + 1000, `${ours.status.totalKey} rows: the compaction was too fast`);
      assert.deepEqual(server, { hash: ours.hashKv, compactRevision: 150n });
    });

    it(`agree about a cluster with auth, of etcd ${version}`, async () => {
      await using cluster = await startEtcd({ version, auth: true });
      await using directory = await tempDir();
      const file = join(directory.path, "snapshot.db");
      for (const key of ["a", "b", "c"]) await cluster.etcdctl("put", key, key);
      await cluster.etcdctl("del", "b");
      await cluster.etcdctl("snapshot", "save", file);
      const [ours, stock] = [await inspectFile(file), await snapshotStatus(file, version)];
      const [{ HashKV: server }] = JSON.parse(await cluster.etcdctl("endpoint", "hashkv", "-w", "json"));

      assert.deepEqual(ours.findings, []);
      assert.deepEqual(pick(ours.status), pick(stock));
      assert.deepEqual([ours.revision, ours.liveKeys, ours.users], [5n, 2, 2]);
      assert.deepEqual([ours.hashKv, Number(ours.compactRevision)], [server.hash, server.compact_revision]);
    });
  }

  it("agree about a cluster that was restored with a bump of the revision", async () => {
    await using cluster = await startEtcd();
    await using directory = await tempDir();
    const [before, after] = ["before.db", "after.db"].map((name) => join(directory.path, name));
    assert.ok(before && after);
    for (const key of ["a", "b", "c"]) await cluster.etcdctl("put", key, key);
    await cluster.etcdctl("snapshot", "save", before);
    await using restored = await startRestored(before, "3.5", ["--bump-revision=1000000", "--mark-compacted"]);
    await restored.etcdctl("put", "d", "d");
    await restored.etcdctl("put", "a", "2");
    await restored.etcdctl("snapshot", "save", after);
    const gateway = new Gateway(restored.endpoint);
    const [ours, stock] = [await inspectFile(after), await snapshotStatus(after)];

    assert.deepEqual(ours.findings, []);
    assert.deepEqual(pick(ours.status), pick(stock));
    assert.deepEqual([ours.compactRevision, ours.revision], [BigInt(1_000_004), (await gateway.state()).revision]);
    assert.deepEqual(await gateway.hashKv(0n), { hash: ours.hashKv, compactRevision: ours.compactRevision });
  });
});

interface Scene {
  readonly cluster: EtcdCluster;
  readonly version: "3.4" | "3.5";
  readonly file: string;
  readonly gateway: Gateway;
}

/** Saves a snapshot with the stock tool, and compares what is said of it with what is said of the live server. */
async function assertSound({ cluster, version, file, gateway }: Scene, where: string): Promise<void> {
  await cluster.etcdctl("snapshot", "save", file);
  const [ours, stock, live, hash] = await Promise.all([
    inspectFile(file),
    snapshotStatus(file, version),
    gateway.state(),
    gateway.hashKv(0n),
  ]);
  assert.deepEqual(ours.findings, [], where);
  assert.deepEqual(pick(ours.status), pick(stock), where);
  assert.deepEqual({ revision: ours.revision, liveKeys: ours.liveKeys }, live, where);
  assert.deepEqual({ hash: ours.hashKv, compactRevision: ours.compactRevision }, hash, where);
}

/** HashKV of two revisions above the compaction, if there are so many; returns how many were compared. */
async function assertEarlierHashes(
  { file, gateway }: Pick<Scene, "file" | "gateway">,
  random: Random,
): Promise<number> {
  const { revision, compactRevision } = await inspectFile(file);
  const oldest = Math.max(1, Number(compactRevision) + 1);
  if (oldest > Number(revision)) return 0;
  for (const at of [random.int(oldest, Number(revision)), random.int(oldest, Number(revision))]) {
    const live = await gateway.hashKv(BigInt(at));
    assert.equal(await hashKvOf(file, BigInt(at), live.compactRevision), live.hash, `revision ${at}`);
  }
  return 2;
}

function pick({ hash, revision, totalKey, totalSize }: SnapshotStatus): SnapshotStatus {
  return { hash, revision, totalKey, totalSize };
}
