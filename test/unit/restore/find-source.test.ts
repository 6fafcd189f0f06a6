import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BackupError, isBackupError } from "../../../src/errors.ts";
import { encodeJson } from "../../../src/model/manifest.ts";
import { parseSnapshotUrl } from "../../../src/model/snapshot-url.ts";
import { findByUrl, findByWish, findNamed } from "../../../src/restore/find-source.ts";
import { BackupLab, CLUSTER } from "../../support/backup-lab.ts";

const LATEST = { wish: { kind: "latest" }, force: false } as const;

/** A lab whose second snapshot is suspect. */
async function rewound(): Promise<{ lab: BackupLab; names: readonly string[] }> {
  const lab = new BackupLab();
  const names = [(await lab.manifest()).name];
  await lab.clock.advance(60_000);
  lab.source.revision = 50n;
  names.push((await lab.manifest()).name);
  return { lab, names };
}

describe("findByWish()", () => {
  it("passes over a suspect snapshot until it is accepted or forced", async () => {
    const { lab, names } = await rewound();
    const { destinations } = lab.context;

    const careful = await findByWish(destinations, LATEST, lab.never);
    const forced = await findByWish(destinations, { ...LATEST, force: true }, lab.never);

    assert.equal(careful.chosen?.name, names[0]);
    assert.deepEqual(careful.source.kind === "stored" && careful.source.suspect, []);
    assert.equal(forced.chosen?.name, names[1]);
    assert.equal(forced.source.kind === "stored" && forced.source.suspect.length, 1);
  });

  it("takes the other store's when one cannot be listed, and tells of it", async () => {
    const lab = new BackupLab({ stores: 2 });
    const { name } = await lab.manifest();
    const error = new BackupError("STORE_UNAVAILABLE", "Cannot list: gone");
    lab.store.fail({ method: "list", error, times: 99 });

    const { source, failures } = await findByWish(lab.context.destinations, LATEST, lab.never);

    assert.equal(source.kind === "stored" && source.snapshot.store, lab.stores[1]);
    assert.equal(source.kind === "stored" && source.snapshot.manifest.name, name);
    assert.deepEqual(failures, [{ destination: lab.destination, error }]);
  });

  it("rejects with a store's error when none can be listed", async () => {
    const lab = new BackupLab();
    lab.store.fail({ method: "list", error: new BackupError("STORE_REFUSED", "Cannot list: denied"), times: 99 });
    await assert.rejects(findByWish(lab.context.destinations, LATEST, lab.never), /denied/);
  });

  it("rejects with SNAPSHOT_NOT_FOUND when nothing is early enough, and says which moment", async () => {
    const lab = new BackupLab();
    await lab.manifest();
    const wish = { kind: "time", time: Date.parse("2020-01-01T00:00:00Z") } as const;
    await assert.rejects(findByWish(lab.context.destinations, { wish, force: true }, lab.never), (error) => {
      return isBackupError(error, "SNAPSHOT_NOT_FOUND") && /from before 2020-01-01T00:00:00\.000Z/.test(error.message);
    });
  });
});

describe("findNamed()", () => {
  it("tells that a snapshot is suspect, until somebody has accepted it", async () => {
    const { lab, names } = await rewound();
    const wanted = { cluster: CLUSTER, name: names[1] ?? "" };
    const before = await findNamed(lab.stores, wanted, lab.never);
    assert.equal(before.kind === "stored" && before.suspect.length, 1);
    await lab.store.replace(`${CLUSTER}/checks/${wanted.name}/accepted.json`, encodeJson({}), lab.never);
    const after = await findNamed(lab.stores, wanted, lab.never);
    assert.deepEqual(after.kind === "stored" && after.suspect, []);
  });
});

describe("findByUrl()", () => {
  const urlOf = (name: string) => parseSnapshotUrl(`s3://bucket/${CLUSTER}/snapshots/${name}`);

  it("takes the manifest that lies beside the snapshots", async () => {
    const lab = new BackupLab({ compression: { algorithm: "gzip", level: undefined } });
    const manifest = await lab.manifest();
    const source = await findByUrl(lab.store, urlOf(`${manifest.name}.gz`), lab.never);
    assert.deepEqual(source.kind === "stored" && source.snapshot.manifest, manifest);
  });

  const denied = new BackupError("STORE_REFUSED", "Cannot read: access denied");
  for (const [what, spoil] of [
    ["may not be read", async (lab: BackupLab) => lab.store.fail({ method: "get", error: denied, times: 9 })],
    ["is missing", (lab: BackupLab, key: string) => lab.store.delete(key, lab.never)],
    ["cannot be read", (lab: BackupLab, key: string) => lab.store.replace(key, Buffer.from("{"), lab.never)],
  ] as const) {
    it(`takes the object alone when its manifest ${what}`, async () => {
      const lab = new BackupLab();
      const { name, snapshotSize } = await lab.manifest();
      await spoil(lab, `${CLUSTER}/manifests/${name}.json`);
      const source = await findByUrl(lab.store, urlOf(name), lab.never);
      assert.deepEqual(source.kind === "object" && source.object, { name, sizeBytes: snapshotSize, encoding: [] });
    });
  }

  it("does not take a manifest that speaks of another object", async () => {
    const lab = new BackupLab();
    const { name } = await lab.manifest();
    await lab.store.create(`${CLUSTER}/snapshots/${name}.zst`, Buffer.from("other"), lab.never);
    const source = await findByUrl(lab.store, urlOf(`${name}.zst`), lab.never);
    assert.equal(source.kind, "object");
  });

  it("rejects with SNAPSHOT_NOT_FOUND when there is no such object", async () => {
    const lab = new BackupLab();
    await assert.rejects(findByUrl(lab.store, urlOf("none"), lab.never), (error) => {
      return isBackupError(error, "SNAPSHOT_NOT_FOUND") && error.hint !== undefined;
    });
  });
});
