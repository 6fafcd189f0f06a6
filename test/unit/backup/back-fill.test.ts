import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { backFill } from "../../../src/backup/back-fill.ts";
import { listSnapshots } from "../../../src/backup/list-snapshots.ts";
import { BackupError } from "../../../src/errors.ts";
import { BackupLab, CLUSTER, FOLDER } from "../../support/backup-lab.ts";

const KEEP_TWO = {
  last: 2,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  within: 0,
  timezone: "UTC",
  maxDeletes: 1,
  onDemand: { last: 0, within: 0 },
};

describe("backFill()", () => {
  it("brings over what the other store missed, byte for byte and in its place in history", async () => {
    const lab = new BackupLab({ stores: 2 });
    const [to, from] = lab.context.destinations;
    assert.ok(to && from);
    const fault = lab.stores[0]?.fail({
      method: "open",
      error: new BackupError("STORE_UNAVAILABLE", "Cannot reach"),
      times: 9,
    });
    const missed = await lab.backUp();
    fault?.[Symbol.dispose]();
    await lab.clock.advance(3_600_000);
    lab.source.revision += 1n;
    const newest = await lab.backUp();

    const filled = await backFill(lab.context, { from, to, retention: KEEP_TWO }, lab.never);

    assert.deepEqual(
      filled.map(({ name }) => name),
      [missed.name],
    );
    const key = `${CLUSTER}/snapshots/${missed.name}`;
    assert.deepEqual(lab.stores[0]?.peek(key), lab.stores[1]?.peek(key));
    const { snapshots } = await listSnapshots(lab.context.destinations, lab.never);
    assert.deepEqual(
      snapshots.map(({ manifest, stores }) => [manifest.name, stores.length]),
      [
        [missed.name, 2],
        [newest.name, 2],
      ],
    );
    assert.equal((await to.catalog.newest(lab.never))?.name, newest.name);
  });

  it("does not bring back what retention has pruned", async () => {
    const lab = new BackupLab({ stores: 2 });
    const [to, from] = lab.context.destinations;
    assert.ok(to && from);
    for (let index = 0; index < 3; index++) {
      await lab.clock.advance(3_600_000);
      const { name } = await lab.backUp();
      if (index === 0) {
        lab.stores[0]?.lose(`${CLUSTER}/manifests/${name}.json`);
        lab.stores[0]?.lose(`${CLUSTER}/snapshots/${name}`);
      }
    }

    assert.deepEqual(await backFill(lab.context, { from, to, retention: KEEP_TWO }, lab.never), []);
  });

  it("stores nothing when the copy it reads is damaged", async () => {
    const lab = new BackupLab({ stores: 2 });
    const [to, from] = lab.context.destinations;
    assert.ok(to && from);
    const { name } = await lab.backUp();
    lab.stores[0]?.lose(`${CLUSTER}/manifests/${name}.json`);
    lab.stores[0]?.lose(`${CLUSTER}/snapshots/${name}`);
    const bytes = lab.source.snapshot().fill(7, 5000, 5001);
    lab.stores[1]?.put(`${CLUSTER}/snapshots/${name}`, bytes);

    await assert.rejects(
      backFill(lab.context, { from, to, retention: KEEP_TWO }, lab.never),
      (error) => error instanceof BackupError && error.code === "SNAPSHOT_CORRUPT",
    );

    assert.deepEqual(lab.stores[0]?.keys, FOLDER);
  });
});
