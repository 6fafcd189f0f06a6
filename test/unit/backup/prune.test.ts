import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { acceptSnapshots } from "../../../src/backup/accept.ts";
import { executePrune, planPrune } from "../../../src/backup/prune.ts";
import { BackupError } from "../../../src/errors.ts";
import type { Manifest } from "../../../src/model/manifest.ts";
import type { RetentionPolicy } from "../../../src/model/retention.ts";
import { BackupLab, CLUSTER, FOLDER } from "../../support/backup-lab.ts";

const NONE: RetentionPolicy = {
  last: 0,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  within: 0,
  timezone: "UTC",
  maxDeletes: 10,
  onDemand: { last: 0, within: 0 },
};

async function backUps(lab: BackupLab, count: number): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (let index = 0; index < count; index++) {
    await lab.clock.advance(3_600_000);
    lab.source.revision += 1n;
    manifests.push(await lab.manifest());
  }
  return manifests;
}

async function prune(lab: BackupLab, retention: Partial<RetentionPolicy>) {
  const plan = await planPrune({ destination: lab.destination, retention: { ...NONE, ...retention } }, lab.never);
  return await executePrune(lab.context, plan, lab.never);
}

const stored = (lab: BackupLab): string[] =>
  lab.store.keys
    .filter((key) => key.includes("/manifests/"))
    .map((key) => key.slice(`${CLUSTER}/manifests/`.length, -5));

describe("prune", () => {
  it("deletes manifest, then object, and nothing else", async () => {
    const lab = new BackupLab();
    const [oldest, , newest] = await backUps(lab, 3);
    lab.store.put(`${CLUSTER}/snapshots/etcd-snapshot-cp-1-1700000000`, "somebody else's");
    lab.store.put(`${CLUSTER}/checks/${oldest?.name}/full.json`, "{}");
    const from = lab.store.calls.length;

    const { deleted, left } = await prune(lab, { last: 1 });

    assert.equal(deleted.length, 2);
    assert.deepEqual(left, {});
    assert.deepEqual(stored(lab), [newest?.name]);
    assert.deepEqual(lab.store.keys, [
      ...FOLDER,
      `${CLUSTER}/manifests/${newest?.name}.json`,
      `${CLUSTER}/snapshots/${newest?.name}`,
      `${CLUSTER}/snapshots/etcd-snapshot-cp-1-1700000000`,
    ]);
    const order = lab.store.calls
      .slice(from)
      .filter(({ method, key }) => /delete|replace/.test(method) && key.includes(`${oldest?.name}`));
    assert.deepEqual(
      order.map(({ method, key }) => `${method} ${key.split("/")[1]}`),
      ["replace runs", "delete manifests", "delete snapshots", "delete checks", "delete runs"],
    );
  });

  it("reads each manifest once in the catalog's life, and asks for no object one by one", async () => {
    const lab = new BackupLab();
    await backUps(lab, 5);
    await prune(lab, { last: 5 });
    const from = lab.store.calls.length;

    await prune(lab, { last: 5 });

    assert.deepEqual(
      lab.store.calls.slice(from).map(({ method }) => method),
      ["get", "list", "list", "list"],
    );
  });

  it("neither counts nor deletes what another cluster's backups wrote, whoever copied it there", async () => {
    const lab = new BackupLab();
    const own = await backUps(lab, 2);
    const other = new BackupLab({ newUuid: () => "another" });
    await other.clock.advance(9 * 3_600_000);
    const foreign = await backUps(other, 2);
    for (const { name } of foreign) {
      for (const key of [`${CLUSTER}/manifests/${name}.json`, `${CLUSTER}/snapshots/${name}`]) {
        lab.store.put(key, other.store.peek(key) ?? "");
      }
    }

    assert.deepEqual((await prune(lab, { last: 1 })).deleted, [own[0]?.name]);
    assert.deepEqual((await prune(lab, { last: 1 })).deleted, []);
    const { unreadable } = await lab.destination.catalog.list(lab.never);
    assert.deepEqual(
      unreadable.map(({ name, why }) => [name, why]),
      foreign.map(({ name }) => [name, "it is of another cluster, another"]),
    );
  });

  it("ends with the interruption when it comes in the middle", async () => {
    const lab = new BackupLab();
    await backUps(lab, 3);
    const interruption = new AbortController();
    const plan = await planPrune({ destination: lab.destination, retention: { ...NONE, last: 1 } }, lab.never);
    interruption.abort(new BackupError("INTERRUPTED", "stop"));

    await assert.rejects(
      executePrune(lab.context, plan, interruption.signal),
      (error) => error instanceof BackupError && error.code === "INTERRUPTED",
    );
  });

  it("deletes no more than maxDeletes, the oldest first", async () => {
    const lab = new BackupLab();
    const manifests = await backUps(lab, 6);

    await prune(lab, { last: 1, maxDeletes: 2 });

    assert.deepEqual(
      stored(lab),
      manifests.slice(2).map(({ name }) => name),
    );
  });

  it("stands still for a timeline with a suspect snapshot until it is accepted", async () => {
    const lab = new BackupLab();
    await backUps(lab, 3);
    lab.source.liveKeys = 3;
    await backUps(lab, 1);

    assert.deepEqual((await prune(lab, { last: 1 })).deleted, []);
    assert.equal(lab.telemetry.of("pruneFinished").at(-1)?.frozen.length, 1);

    const accepted = await acceptSnapshots(lab.context, [], lab.never);
    assert.equal(accepted.length, 1);
    assert.equal((await prune(lab, { last: 1 })).deleted.length, 3);
  });

  it("says of a versioned bucket that the bytes are still there", async () => {
    const lab = new BackupLab({ store: { versioned: true } });
    const [oldest] = await backUps(lab, 2);

    const deletion = await prune(lab, { last: 1 });

    assert.deepEqual(deletion, { deleted: [], hidden: [oldest?.name], left: {} });
  });

  it("says of a lock that it kept the snapshot, and keeps its manifest with it", async () => {
    const lab = new BackupLab();
    const [oldest] = await backUps(lab, 2);
    const key = `${CLUSTER}/manifests/${oldest?.name}.json`;
    lab.store.lock(key, { mode: "COMPLIANCE", until: lab.clock.now() + 1e9 });

    const { left } = await prune(lab, { last: 1 });

    assert.match(left[oldest?.name ?? ""] ?? "", /lock/);
    assert.ok(lab.store.peek(`${CLUSTER}/snapshots/${oldest?.name}`));
  });

  it("goes on with the others when one cannot be deleted", async () => {
    const lab = new BackupLab();
    const [first, second] = await backUps(lab, 3);
    using _fault = lab.store.fail({
      method: "delete",
      key: new RegExp(`manifests/${first?.name}`),
      error: new BackupError("STORE_REFUSED", "Cannot delete: access denied"),
    });

    const { deleted, left } = await prune(lab, { last: 1 });

    assert.deepEqual(deleted, [second?.name]);
    assert.deepEqual(Object.keys(left), [first?.name]);
  });

  it("does not count a snapshot whose object is gone, and keeps the last good one", async () => {
    const lab = new BackupLab();
    const [good, broken] = await backUps(lab, 2);
    lab.store.lose(`${CLUSTER}/snapshots/${broken?.name}`);

    await prune(lab, { last: 1 });

    assert.ok(stored(lab).includes(good?.name ?? ""));
  });

  it("neither counts nor touches manifests that it cannot read", async () => {
    const lab = new BackupLab();
    const [oldest] = await backUps(lab, 2);
    const whole = { ...oldest, name: "future", formatVersion: 9, minReader: 9 };
    lab.store.put(`${CLUSTER}/manifests/torn.json`, '{"formatVersion": 1');
    lab.store.put(`${CLUSTER}/manifests/future.json`, JSON.stringify(whole));
    lab.store.put(`${CLUSTER}/manifests/copy.json`, JSON.stringify(oldest));

    const plan = await planPrune({ destination: lab.destination, retention: { ...NONE, last: 1 } }, lab.never);
    await executePrune(lab.context, plan, lab.never);

    assert.equal(plan.entries.length, 2);
    assert.deepEqual(
      ["torn", "future", "copy"].filter((name) => !stored(lab).includes(name)),
      [],
    );
    assert.equal(stored(lab).length, 4);
  });
});
