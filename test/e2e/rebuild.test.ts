import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { toolPath } from "../support/restore-tools.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { CLUSTER, type SavedSnapshot, type Scene, setScene, stdoutOf } from "./scene.ts";

/** What nobody can know any more of a snapshot whose manifest was lost. */
const LOST = ["timeline", "memberId", "memberName", "etcdVersion", "linearized", "startedAt", "finishedAt", "parts"];
const LOST_TOO = ["dbSizeInUse", "storedAt", "tick", "rebuilt", "writer", "storageVersion"];

function known(snapshots: readonly SavedSnapshot[]): Record<string, unknown>[] {
  return snapshots.map((each) =>
    Object.fromEntries(Object.entries(each).filter(([field]) => ![...LOST, ...LOST_TOO].includes(field))),
  );
}

async function loseManifests({ bucket }: Scene): Promise<void> {
  for (const key of await bucket.keys(`${CLUSTER}/manifests/`)) await bucket.delete(key);
}

describe("rebuild", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;

  before(async () => {
    etcd = await startEtcd();
    rgw = await startRgw({ shared: true });
    for (let index = 0; index < 5; index++) await etcd.etcdctl("put", `key-${index}`, "value");
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  it("brings back the manifests that a bucket has lost, its identity with them, and restores from them", async () => {
    await using scene = await setScene({ etcd, rgw });
    const saved = [await scene.save(), await scene.save()];
    const listed = await scene.list();
    await loseManifests(scene);
    await scene.bucket.delete(`${CLUSTER}/cluster.json`);

    const lines = JSON.parse(stdoutOf(await scene.ark(["rebuild", "--force", "-o", "json"])));

    assert.deepEqual(
      lines.map(({ outcome, name }: { outcome: string; name: string }) => [outcome, name]).sort(),
      saved.map(({ name }) => ["rebuilt", name]).sort(),
    );
    const byName = (list: readonly SavedSnapshot[]) => list.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    assert.deepEqual(known(byName(await scene.list())), known(byName(listed)));
    const PATH = await toolPath(scene.home);
    const dataDir = join(scene.home, "restored");
    const restored = await scene.ark(["restore", "--latest", "--data-dir", dataDir, "-o", "json"], {
      env: { ...scene.env, PATH },
    });
    assert.equal(JSON.parse(stdoutOf(restored)).revision, saved[1]?.revision);
    await scene.save();
  });

  it("leaves out a damaged one with 15, and rebuilds the others", async () => {
    await using scene = await setScene({ etcd, rgw });
    const [first, second] = [await scene.save(), await scene.save()];
    await loseManifests(scene);
    const body = await scene.bucket.get(first.key);
    await scene.bucket.put(first.key, body.subarray(0, -512));

    const result = await scene.ark(["rebuild", "--force"]);

    assert.equal(result.code, 15, result.stderr);
    assert.match(result.stdout, new RegExp(`left out .*${first.name}: .*cut short`));
    assert.deepEqual(
      (await scene.list()).map(({ name }) => name),
      [second.name],
    );
  });

  it("imports k3s's own snapshots from a folder of the bucket, and leaves that as it is", async () => {
    await using scene = await setScene({ etcd, rgw });
    const directory = join(scene.home, "k3s");
    await mkdir(directory);
    const file = join(directory, "etcd-snapshot-cp-1-1700000000");
    await etcd.etcdctl("snapshot", "save", file);
    await scene.bucket.put("k3s/etcd-snapshot-cp-1-1700000000", await readFile(file));
    await scene.bucket.put("k3s/.metadata/etcd-snapshot-cp-1-1700000000", "{}");
    await scene.bucket.put("k3s/on-demand-cp-1-1700000300.zip", "PK");
    const before = await scene.bucket.keys("k3s/");

    const lines = JSON.parse(stdoutOf(await scene.ark(["rebuild", "--from", "k3s", "-o", "json"])));

    assert.deepEqual(
      lines.map(({ outcome }: { outcome: string }) => outcome),
      ["imported", "left out"],
    );
    assert.deepEqual(await scene.bucket.keys("k3s/"), before);
    const [imported] = await scene.list();
    assert.match(imported?.name ?? "", /^k3s-etcd-snapshot-cp-1-/);
    const to = join(scene.home, "back.db");
    stdoutOf(await scene.ark(["fetch", imported?.name ?? "", "--to", to]));
    assert.equal(spawnSync("cmp", [file, to]).status, 0);
    const again = JSON.parse(stdoutOf(await scene.ark(["rebuild", "--from", directory, "-o", "json"])));
    assert.equal(again[0].outcome, "there already");
  });
});
