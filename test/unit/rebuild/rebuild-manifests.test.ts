import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Destination } from "../../../src/backup/destination.ts";
import type { RebuildLine } from "../../../src/rebuild/line.ts";
import { type RebuildOptions, rebuildManifests } from "../../../src/rebuild/rebuild-manifests.ts";
import { type BackupLab, CLUSTER, destinationOf } from "../../support/backup-lab.ts";
import { copyOf, labOfRealSnapshot, verifyContextOf } from "../verify/verify-lab.ts";

const HOUR = 3_600_000;

/** As another process sees the store: it remembers nothing of it. */
function afresh(lab: BackupLab): Destination {
  return destinationOf(lab.store);
}

async function rebuild(lab: BackupLab, options: Partial<RebuildOptions> = {}): Promise<RebuildLine[]> {
  const context = { backup: lab.context, verify: verifyContextOf(lab) };
  const wanted = { destination: afresh(lab), dryRun: false, force: false, ...options };
  return await Array.fromAsync(rebuildManifests(context, wanted, lab.never));
}

/** A lab whose only manifest was lost, two hours after its backup. */
async function labOfLostManifest(options: Parameters<typeof labOfRealSnapshot>[0] = {}) {
  const lab = labOfRealSnapshot(options);
  const { entry } = await copyOf(lab);
  lab.store.lose(`${CLUSTER}/manifests/${entry.name}.json`);
  await lab.clock.advance(2 * HOUR);
  return { lab, before: entry.manifest };
}

describe("rebuildManifests()", () => {
  for (const compression of [{ algorithm: "none" }, { algorithm: "zstd", level: undefined }] as const) {
    it(`makes a lost manifest anew, ${compression.algorithm === "none" ? "raw" : "compressed"}, from the bytes`, async () => {
      const { lab, before } = await labOfLostManifest({ compression });

      const lines = await rebuild(lab);

      assert.deepEqual(
        lines.map(({ outcome, name }) => [outcome, name]),
        [["rebuilt", before.name]],
      );
      const [entry] = (await afresh(lab).catalog.list(lab.never)).entries;
      assert.equal(entry?.good, true);
      const same = [
        "revision",
        "sha256",
        "storedSha256",
        "snapshotSize",
        "dbSize",
        "storedSize",
        "encoding",
        "key",
      ] as const;
      for (const field of [...same, "clusterUuid", "clusterId", "tick", "node", "kind", "liveKeys"] as const) {
        assert.deepEqual(entry?.manifest[field], before[field], field);
      }
      assert.deepEqual([entry?.manifest["rebuilt"], entry?.manifest.timeline], [true, "0"]);
    });
  }

  it("does nothing the second time, and writes over no manifest", async () => {
    const { lab } = await labOfLostManifest();
    await rebuild(lab);
    assert.deepEqual(await rebuild(lab), []);
  });

  it("only says what it would do on a dry run", async () => {
    const { lab } = await labOfLostManifest();
    assert.deepEqual(
      (await rebuild(lab, { dryRun: true })).map(({ outcome }) => outcome),
      ["rebuilt"],
    );
    assert.deepEqual((await afresh(lab).catalog.list(lab.never)).entries, []);
  });

  it("leaves out what would not restore, and says why", async () => {
    const { lab, before } = await labOfLostManifest();
    const key = `${CLUSTER}/snapshots/${before.name}`;
    const body = Buffer.from(lab.store.peek(key) ?? "");
    body.writeUInt8(body.readUInt8(9000) ^ 1, 9000);
    lab.store.put(key, body);
    await lab.clock.advance(2 * HOUR);

    const [line] = await rebuild(lab);

    assert.deepEqual([line?.outcome, line?.corrupt], ["left out", true]);
    assert.deepEqual((await afresh(lab).catalog.list(lab.never)).entries, []);
  });

  it("leaves out what is younger than an hour, unless it is forced", async () => {
    const lab = labOfRealSnapshot();
    const { entry } = await copyOf(lab);
    lab.store.lose(`${CLUSTER}/manifests/${entry.name}.json`);

    assert.match((await rebuild(lab))[0]?.why ?? "", /younger than an hour/);
    assert.equal((await rebuild(lab, { force: true }))[0]?.outcome, "rebuilt");
  });

  it("leaves out what a run that is under way speaks of", async () => {
    const { lab, before } = await labOfLostManifest();
    lab.store.put(`${CLUSTER}/runs/${before.name}.json`, "{}");
    assert.match((await rebuild(lab))[0]?.why ?? "", /under way/);
  });

  it("leaves out what another cluster wrote", async () => {
    const { lab, before } = await labOfLostManifest();
    const key = `${CLUSTER}/snapshots/${before.name}`;
    lab.store.put(key, lab.store.peek(key) ?? "", { metadata: { uuid: "another" } });
    await lab.clock.advance(2 * HOUR);
    assert.match((await rebuild(lab))[0]?.why ?? "", /another cluster, another/);
  });

  it("signs the folder again, as the cluster that wrote its objects, when its identity was lost too", async () => {
    const { lab, before } = await labOfLostManifest();
    lab.store.lose(`${CLUSTER}/cluster.json`);

    await rebuild(lab);

    const [entry] = (await afresh(lab).catalog.list(lab.never)).entries;
    assert.equal(entry?.manifest.clusterUuid, before.clusterUuid);
    assert.equal((await afresh(lab).catalog.identity(lab.never))?.uuid, before.clusterUuid);
  });
});
