import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { assertNothingElse } from "./bucket-truth.ts";
import { putValues } from "./etcd-writer.ts";
import { assertFails, CLUSTER, heard, type SavedSnapshot, type Scene, setScene } from "./scene.ts";

describe("a folder and the clusters that come to it", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;

  before(async () => {
    [etcd, rgw] = await Promise.all([startEtcd({ shared: true }), startRgw({ shared: true })]);
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  const foreign = { exit: 10, code: "IDENTITY_MISMATCH", says: /belongs to etcd cluster/, hint: /etcd-ark adopt/ };

  it("a cluster that was rebuilt is refused until it is adopted, and what it had before stays", async () => {
    await using scene = await setScene({ etcd, rgw });
    const old = await scene.save();
    await using rebuilt = await startEtcd();
    await scene.configure({ etcd: { endpoints: rebuilt.endpoints } });
    const before = await contents(scene);
    assertFails(await scene.ark(["save"]), foreign);
    assert.deepEqual(await contents(scene), before, "the refused run changed the folder");
    await assertFetched(scene, old);

    assert.equal((await scene.ark(["adopt"])).code, 0);
    const fresh = await scene.save();
    assert.deepEqual([old.timeline, fresh.timeline], ["1", "2"]);
    assert.notEqual(fresh.clusterId, old.clusterId);
    assert.deepEqual((await scene.list()).map(({ name }) => name).sort(), [old.name, fresh.name].sort());
    for (const each of [old, fresh]) await assertFetched(scene, each);
    assert.equal((await assertNothingElse(scene.bucket)).length, 2);
  });

  it("another cluster that is pointed at the folder writes and prunes nothing, by hand or as a daemon", async () => {
    await using scene = await setScene({ etcd, rgw, config: { retention: { onDemand: { last: 1 } } } });
    for (let count = 0; count < 3; count++) await scene.save();
    await using other = await startEtcd();
    const before = await contents(scene);
    const onStart = { onStart: true };
    await scene.configure({
      node: "elsewhere",
      etcd: { endpoints: other.endpoints },
      retention: { onDemand: { last: 1 } },
      schedule: onStart,
    });
    assertFails(await scene.ark(["save", "--prune"]), foreign);
    assertFails(await scene.ark(["prune", "--yes", "-o", "json"]), foreign);
    await using daemon = scene.start(["run"]);
    assert.match(await daemon.line("IDENTITY_MISMATCH"), /etcd-ark adopt/);
    assert.deepEqual(await contents(scene), before);
  });

  it("a cluster that was wiped under the same id is stored as suspect, and nothing is pruned until that is accepted", async () => {
    await using own = await startEtcd();
    const [member] = own.members;
    await putValues(own.endpoints[0] ?? "", ["a", "b", "c", "d"]);
    const config = { retention: { last: 1 }, schedule: { cron: "* * * * * *" } };
    await using scene = await setScene({ etcd: own, rgw, config });
    await using daemon = scene.start(["run"]);
    const { snapshot: first } = await heard(daemon, "backup.finished");
    await member?.stop();
    await rm(member?.dataDir ?? "", { recursive: true });
    await member?.restart();

    const { reasons } = await heard(daemon, "history.suspect");
    assert.match(String(reasons), /revision went back from 5 to 1/);
    await heard(daemon, "prune.finished", daemon.lines.length);
    daemon.kill();
    await daemon.ended;
    const listed = await scene.list();
    const before = listed.filter(({ timeline }) => timeline === "1");
    assert.ok(before.length > 0, "the history before the wipe is gone");
    for (const each of before) await assertFetched(scene, each);
    const suspects = listed.filter(({ suspect }) => suspect.length > 0);
    assert.ok(suspects.length > 0);
    assert.ok(listed.every(({ timeline }) => timeline === "1" || timeline === "2"));
    const plan = await decisions(scene);
    assert.deepEqual(
      plan.filter(({ action }) => action === "delete"),
      [],
      `after ${first}`,
    );
    assert.ok(plan.some(({ reasons: why }) => why.some((reason) => reason.includes("etcd-ark accept"))));

    assert.equal((await scene.ark(["accept"])).code, 0);
    assert.equal((await scene.ark(["prune", "--yes"])).code, 0);
    const timelines = (await scene.list()).map(({ timeline }) => timeline);
    assert.deepEqual(timelines.sort(), ["1", "2"]);
  });

  it("k3s's own pruning of the same folder takes nothing of ours, and ours nothing of k3s's", async () => {
    const k3s = [
      "backups/etcd-snapshot-cp-1-1700000000",
      "backups/etcd-snapshot-cp-1-1800000000",
      "backups/on-demand-cp-1-1",
    ];
    await using scene = await setScene({
      etcd,
      rgw,
      config: { s3: { folder: "backups" }, retention: { onDemand: { last: 1 } } },
    });
    for (const key of k3s) await scene.bucket.put(key, "a snapshot of k3s");
    await scene.save();
    const { name } = await scene.save("--prune");
    const ours = (await scene.bucket.keys()).filter((key) => !k3s.includes(key));
    assert.deepEqual(await scene.bucket.keys("backups/etcd-snapshot"), k3s.slice(0, 2));
    assert.deepEqual(
      ours.filter((key) => key.includes("/snapshots/")),
      [`backups/${CLUSTER}/snapshots/${name}`],
    );

    for (const folder of ["", "backups", `backups/${CLUSTER}`, `backups/${CLUSTER}/snapshots`]) {
      for (const prefix of ["etcd-snapshot", "on-demand"]) await pruneAsK3s(scene, folder, prefix);
    }
    assert.deepEqual(await scene.bucket.keys(), ours);
    await assertFetched(scene, ...(await scene.list()));
  });
});

/** Keys with the bytes below them. */
async function contents({ bucket }: Scene): Promise<Record<string, string>> {
  const keys = await bucket.keys();
  const bodies = await Promise.all(keys.map((key) => bucket.get(key)));
  return Object.fromEntries(
    keys.map((key, index) => [
      key,
      createHash("sha256")
        .update(bodies[index] ?? "")
        .digest("hex"),
    ]),
  );
}

/** Fails unless each snapshot can be fetched with the bytes that its manifest names. */
async function assertFetched(scene: Scene, ...snapshots: readonly SavedSnapshot[]): Promise<void> {
  for (const { name, sha256 } of snapshots) {
    const file = join(scene.home, `${name}.db`);
    const { code, stderr } = await scene.ark(["fetch", name, "--to", file]);
    assert.equal(code, 0, stderr);
    assert.equal(
      createHash("sha256")
        .update((await readFile(file)).subarray(0, -32))
        .digest("hex"),
      sha256,
    );
    await rm(file);
  }
}

interface Decision {
  readonly name: string;
  readonly action: string;
  readonly reasons: readonly string[];
}

async function decisions(scene: Scene): Promise<Decision[]> {
  return JSON.parse((await scene.ark(["prune", "--dry-run", "-o", "json"])).stdout);
}

/**
 * With a retention of 0: all that is listed below "folder/prefix", recursively, is deleted by its base name in the
 * folder (k3s pkg/etcd/s3, `SnapshotRetention`).
 */
async function pruneAsK3s({ bucket }: Scene, folder: string, prefix: string): Promise<void> {
  const below = folder ? `${folder}/` : "";
  for (const key of await bucket.keys(`${below}${prefix}`))
    await bucket.delete(`${below}${key.slice(key.lastIndexOf("/") + 1)}`);
}
