import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deleteSnapshots } from "../../../src/backup/delete-snapshots.ts";
import { recoverRuns } from "../../../src/backup/recover-runs.ts";
import { BackupError } from "../../../src/errors.ts";
import { BackupLab, CLUSTER, FOLDER } from "../../support/backup-lab.ts";

const HOUR = 3_600_000;
const lost = new BackupError("STORE_UNAVAILABLE", "Cannot hear the answer");

const recover = (lab: BackupLab) => recoverRuns(lab.context, { destination: lab.destination }, lab.never);
const leftovers = (lab: BackupLab) => lab.store.keys.filter((key) => !FOLDER.includes(key));

describe("recoverRuns()", () => {
  it("removes object and intent of a run that never got its manifest, once it is an hour old", async () => {
    const lab = new BackupLab();
    lab.store.fail({ method: "create", key: /manifests/, error: lost });
    await assert.rejects(lab.backUp());
    assert.equal(leftovers(lab).length, 2);

    await lab.clock.advance(HOUR - 1);
    await recover(lab);
    assert.equal(leftovers(lab).length, 2);

    await lab.clock.advance(1);
    await recover(lab);
    assert.deepEqual(leftovers(lab), []);
    assert.equal(lab.telemetry.of("sweepFinished").length, 1);
  });

  it("keeps the snapshot and removes only the intent when the manifest is there after all", async () => {
    const lab = new BackupLab();
    lab.store.fail({ method: "create", key: /manifests/, error: lost, afterwards: true });
    await assert.rejects(lab.backUp());

    await lab.clock.advance(HOUR);
    await recover(lab);

    assert.deepEqual(
      leftovers(lab).map((key) => key.split("/")[1]),
      ["manifests", "snapshots"],
    );
  });

  it("ends the unfinished upload that an intent speaks of", async () => {
    const lab = new BackupLab();
    lab.store.put(`${CLUSTER}/runs/ark-x.json`, '{"name":"ark-x","node":"cp-1"}');
    lab.store.leaveUnfinished(`${CLUSTER}/snapshots/ark-x`);
    await lab.clock.advance(HOUR);

    await recover(lab);

    assert.deepEqual(lab.store.unfinished, []);
    assert.deepEqual(leftovers(lab), []);
  });

  it("leaves another node's runs alone", async () => {
    const lab = new BackupLab();
    lab.store.put(`${CLUSTER}/runs/ark-y.json`, '{"name":"ark-y","node":"cp-2"}');
    lab.store.put(`${CLUSTER}/snapshots/ark-y`, "bytes");
    await lab.clock.advance(HOUR);

    await recover(lab);

    assert.equal(leftovers(lab).length, 2);
  });

  it("does not take a snapshot of a longer name for its own", async () => {
    const lab = new BackupLab();
    lab.store.put(`${CLUSTER}/runs/ark-x.json`, '{"name":"ark-x","node":"cp-1"}');
    lab.store.put(`${CLUSTER}/snapshots/ark-x.zst`, "bytes");
    lab.store.put(`${CLUSTER}/snapshots/ark-x-2`, "another's");
    await lab.clock.advance(HOUR);

    await recover(lab);

    assert.deepEqual(leftovers(lab), [`${CLUSTER}/snapshots/ark-x-2`]);
  });

  it("sweeps unfinished uploads of the cluster that are a day old, and none that is younger or elsewhere", async () => {
    const lab = new BackupLab();
    lab.store.leaveUnfinished(`${CLUSTER}/snapshots/old`);
    lab.store.leaveUnfinished("other/snapshots/old");
    await lab.clock.advance(24 * HOUR);
    lab.store.leaveUnfinished(`${CLUSTER}/snapshots/young`);

    await recover(lab);

    assert.deepEqual(
      lab.store.unfinished.map(({ key }) => key),
      ["other/snapshots/old", `${CLUSTER}/snapshots/young`],
    );
  });

  it("sweeps what is left of records as well, and nothing that others keep beside them", async () => {
    const lab = new BackupLab();
    const own = ["manifests/m.json", "runs/m.json", "checks/m/accepted.json", "cluster.json", "RUNBOOK.txt"];
    const foreign = [`${CLUSTER}/photos/cat`, `${CLUSTER}/dump.tar`, `${CLUSTER}-2/manifests/m.json`];
    for (const key of own) lab.store.leaveUnfinished(`${CLUSTER}/${key}`);
    for (const key of foreign) lab.store.leaveUnfinished(key);
    await lab.clock.advance(24 * HOUR);

    await recover(lab);

    assert.deepEqual(
      lab.store.unfinished.map(({ key }) => key),
      foreign,
    );
    assert.equal(lab.telemetry.of("sweepFinished")[0]?.abandonedUploads, own.length);
  });

  it("finishes a deletion that was killed between manifest and object", async () => {
    const lab = new BackupLab();
    const manifest = await lab.manifest();
    const fault = lab.store.fail({ method: "delete", key: /snapshots/, error: lost });
    await deleteSnapshots(lab.context, { destination: lab.destination, manifests: [manifest] }, lab.never);
    fault[Symbol.dispose]();
    assert.deepEqual(
      leftovers(lab).map((key) => key.split("/")[1]),
      ["runs", "snapshots"],
    );
    await lab.clock.advance(HOUR);

    await recover(lab);

    assert.deepEqual(leftovers(lab), []);
  });

  it("removes what a doctor that was killed has written, once it is an hour old, and no check of a snapshot", async () => {
    const lab = new BackupLab();
    lab.store.put(`${CLUSTER}/checks/.doctor-x/object`, "canary");
    lab.store.put(`${CLUSTER}/checks/ark-x/accepted.json`, "{}");
    await lab.clock.advance(HOUR - 1);
    await recover(lab);
    assert.equal(leftovers(lab).length, 2);

    await lab.clock.advance(1);
    await recover(lab);

    assert.deepEqual(leftovers(lab), [`${CLUSTER}/checks/ark-x/accepted.json`]);
  });
});
