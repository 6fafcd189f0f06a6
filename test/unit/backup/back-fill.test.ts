import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { acceptSnapshots } from "../../../src/backup/accept.ts";
import { backFill } from "../../../src/backup/back-fill.ts";
import { listSnapshots } from "../../../src/backup/list-snapshots.ts";
import { BackupError } from "../../../src/errors.ts";
import { BackupLab, CLUSTER } from "../../support/backup-lab.ts";

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

/** Takes so many backups and has the first store lose them; their names, oldest first. */
async function missedBy(lab: BackupLab, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    await lab.clock.advance(3_600_000);
    const { name } = await lab.backUp();
    names.push(name);
    for (const key of [`manifests/${name}.json`, `snapshots/${name}`]) lab.stores[0]?.lose(`${CLUSTER}/${key}`);
  }
  return names;
}

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

  it("leaves a damaged copy out, says so, and goes on with the next", async () => {
    const lab = new BackupLab({ stores: 2 });
    const [to, from] = lab.context.destinations;
    assert.ok(to && from);
    const [damaged = "", whole] = await missedBy(lab, 2);
    lab.stores[1]?.put(`${CLUSTER}/snapshots/${damaged}`, lab.source.snapshot().fill(7, 5000, 5001));

    const filled = await backFill(lab.context, { from, to, retention: KEEP_TWO }, lab.never);

    assert.deepEqual(
      filled.map(({ name }) => name),
      [whole],
    );
    assert.deepEqual(
      lab.stores[0]?.keys.filter((key) => key.includes(damaged)),
      [],
    );
    assert.equal(lab.telemetry.of("warning")[0].snapshot, damaged);
  });

  it("brings over ten at most, since a tick may be waiting", async () => {
    const lab = new BackupLab({ stores: 2 });
    const [to, from] = lab.context.destinations;
    assert.ok(to && from);
    await missedBy(lab, 12);
    const retention = { ...KEEP_TWO, last: 20 };

    assert.equal((await backFill(lab.context, { from, to, retention }, lab.never)).length, 10);
    assert.equal((await backFill(lab.context, { from, to, retention }, lab.never)).length, 2);
  });

  it("brings an accepted snapshot over as accepted, under the identity of the folder that it comes to", async () => {
    const lab = new BackupLab({ stores: 2 });
    const [to, from] = lab.context.destinations;
    assert.ok(to && from);
    lab.source.alarms = ["CORRUPT"];
    const [name] = await missedBy(lab, 1);
    await acceptSnapshots(lab.context, [], lab.never);
    const own = JSON.parse(lab.stores[0]?.text(`${CLUSTER}/cluster.json`) ?? "");
    lab.stores[0]?.put(`${CLUSTER}/cluster.json`, JSON.stringify({ ...own, uuid: "its-own" }));

    const [filled] = await backFill(lab.context, { from, to, retention: KEEP_TWO }, lab.never);

    assert.deepEqual([filled?.name, filled?.clusterUuid], [name, "its-own"]);
    const { entries } = await to.catalog.list(lab.never);
    assert.deepEqual(
      entries.map((entry) => [entry.name, entry.suspect]),
      [[name, false]],
    );
  });
});
