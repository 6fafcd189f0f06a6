import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { adoptFolder } from "../../../src/backup/adopt.ts";
import { BackupLab, CLUSTER } from "../../support/backup-lab.ts";

describe("adoptFolder()", () => {
  it("lets a rebuilt cluster write on a timeline of its own, and keeps all that is there", async () => {
    const lab = new BackupLab();
    const before = await lab.manifest();
    lab.source.clusterId = "beef02";
    lab.source.revision = 20n;
    lab.source.liveKeys = 5;

    const adoption = await adoptFolder(lab.context, lab.destination, lab.never);
    const after = await lab.manifest();

    assert.deepEqual([adoption.changed, adoption.timeline, adoption.uuid], [true, "2", before.clusterUuid]);
    assert.deepEqual([after.timeline, after.clusterId, after.suspect], ["2", "beef02", []]);
    assert.ok(lab.store.peek(`${CLUSTER}/snapshots/${before.name}`));
  });

  it("changes nothing when the folder is this cluster's already", async () => {
    const lab = new BackupLab();
    await lab.manifest();
    const identity = lab.store.text(`${CLUSTER}/cluster.json`);

    const adoption = await adoptFolder(lab.context, lab.destination, lab.never);

    assert.equal(adoption.changed, false);
    assert.equal(lab.store.text(`${CLUSTER}/cluster.json`), identity);
  });

  it("makes this node forget the folder that it remembers under this name", async () => {
    const lab = new BackupLab();
    const { clusterUuid } = await lab.manifest();
    lab.state.known.set(`m1 ${CLUSTER}`, "another");

    await adoptFolder(lab.context, lab.destination, lab.never);

    assert.equal((await lab.manifest()).clusterUuid, clusterUuid);
  });

  it("gives a timeline a number that no snapshot of the folder has", async () => {
    const lab = new BackupLab();
    await lab.manifest();
    lab.source.revision = 50n;
    await lab.clock.advance(60_000);
    assert.equal((await lab.manifest()).timeline, "2");
    lab.source.clusterId = "beef02";

    assert.equal((await adoptFolder(lab.context, lab.destination, lab.never)).timeline, "3");
  });
});
