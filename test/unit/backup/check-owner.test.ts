import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkOwner } from "../../../src/backup/identity.ts";
import { isBackupError } from "../../../src/errors.ts";
import { BackupLab, CLUSTER } from "../../support/backup-lab.ts";

const isForeign = (error: unknown): boolean => isBackupError(error, "IDENTITY_MISMATCH");

describe("checkOwner()", () => {
  const owned = async (): Promise<BackupLab> => {
    const lab = new BackupLab();
    await lab.backUp();
    return lab;
  };

  it("lets the cluster pass that wrote the folder, and any where nothing was written, and writes nothing", async () => {
    for (const lab of [await owned(), new BackupLab()]) {
      const before = lab.store.keys;
      await checkOwner(lab.context, lab.destination, lab.never);
      assert.deepEqual(lab.store.keys, before);
    }
  });

  it("refuses another cluster, also when the identity object was lost", async () => {
    const lab = await owned();
    lab.source.clusterId = "beef02";
    await assert.rejects(checkOwner(lab.context, lab.destination, lab.never), isForeign);
    await lab.store.delete(`${CLUSTER}/cluster.json`, lab.never);
    await assert.rejects(checkOwner(lab.context, lab.destination, lab.never), isForeign);
  });

  it("refuses a folder that is not the one which this node remembers", async () => {
    const lab = await owned();
    await lab.state.remember({ store: lab.store.id, cluster: CLUSTER, uuid: "another" });
    await assert.rejects(checkOwner(lab.context, lab.destination, lab.never), isForeign);
  });
});
