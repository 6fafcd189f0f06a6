import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fetchSnapshot } from "../../../src/backup/fetch-snapshot.ts";
import { findSnapshot } from "../../../src/backup/find-snapshot.ts";
import { BackupError } from "../../../src/errors.ts";
import { BackupLab, CLUSTER } from "../../support/backup-lab.ts";
import { MemoryStore } from "../../support/memory-store.ts";

const hasCode = (code: string) => (error: unknown) => error instanceof BackupError && error.code === code;

async function fetchInto(lab: BackupLab, name: string): Promise<MemoryStore> {
  const into = new MemoryStore({ clock: lab.clock, id: "files" });
  const snapshot = await findSnapshot(lab.stores, { cluster: CLUSTER, name }, lab.never);
  await fetchSnapshot(snapshot, { into, file: "snapshot.db" }, lab.never);
  return into;
}

describe("fetchSnapshot()", () => {
  for (const algorithm of ["none", "gzip", "zstd"] as const) {
    it(`gives etcd's own bytes back (stored with compression ${algorithm})`, async () => {
      const lab = new BackupLab({ compression: algorithm === "none" ? { algorithm } : { algorithm, level: 3 } });
      const { name } = await lab.manifest();

      const into = await fetchInto(lab, name);

      assert.deepEqual(Buffer.from(into.peek("snapshot.db") ?? []), lab.source.snapshot());
    });

    it(`writes nothing when a stored byte has changed (compression ${algorithm})`, async () => {
      const lab = new BackupLab({ compression: algorithm === "none" ? { algorithm } : { algorithm, level: 3 } });
      const { name } = await lab.manifest();
      const key = lab.store.keys.find((each) => each.includes("/snapshots/")) ?? "";
      const bytes = Buffer.from(lab.store.peek(key) ?? []);
      const at = bytes.length >> 1;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      lab.store.put(key, bytes);

      await assert.rejects(fetchInto(lab, name), hasCode("SNAPSHOT_CORRUPT"));
    });

    it(`writes nothing when the stored bytes end early (compression ${algorithm})`, async () => {
      const lab = new BackupLab({ compression: algorithm === "none" ? { algorithm } : { algorithm, level: 3 } });
      const { name } = await lab.manifest();
      const key = lab.store.keys.find((each) => each.includes("/snapshots/")) ?? "";
      lab.store.put(key, (lab.store.peek(key) ?? new Uint8Array()).subarray(0, -100));

      await assert.rejects(fetchInto(lab, name), hasCode("SNAPSHOT_CORRUPT"));
    });
  }
});

describe("findSnapshot()", () => {
  it("takes the next store when one does not answer", async () => {
    const lab = new BackupLab({ stores: 2 });
    const { name } = await lab.manifest();
    lab.stores[0]?.fail({ method: "get", error: new BackupError("STORE_UNAVAILABLE", "Cannot reach"), times: 9 });

    assert.equal((await findSnapshot(lab.stores, { cluster: CLUSTER, name }, lab.never)).store, lab.stores[1]);
  });

  it("says that there is none only when every store has said so", async () => {
    const lab = new BackupLab({ stores: 2 });
    await assert.rejects(
      findSnapshot(lab.stores, { cluster: CLUSTER, name: "no" }, lab.never),
      hasCode("SNAPSHOT_NOT_FOUND"),
    );

    lab.stores[1]?.fail({ method: "get", error: new BackupError("STORE_UNAVAILABLE", "Cannot reach") });
    await assert.rejects(
      findSnapshot(lab.stores, { cluster: CLUSTER, name: "no" }, lab.never),
      hasCode("STORE_UNAVAILABLE"),
    );
  });
});
