import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { list } from "../../../src/cli/commands/list.ts";
import { rebuild } from "../../../src/cli/commands/rebuild.ts";
import { BackupError, isBackupError } from "../../../src/errors.ts";
import { CLUSTER, destinationOf } from "../../support/backup-lab.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { snapshotFixture } from "../mvcc/memory-source.ts";
import { loseManifest, SNAPSHOT, TWO_HOURS_MS } from "../rebuild/rebuild-lab.ts";
import { labOfRealSnapshot } from "../verify/verify-lab.ts";
import { sessionOf, type TestSession } from "./cli-session.ts";

function withFolder(session: TestSession, from: MemoryStore): TestSession {
  return { ...session, app: { ...session.app, otherFolder: () => from } };
}

describe("rebuild()", () => {
  it("says each object, rebuilds what is whole, and then fails with 15 for what is not", async () => {
    const lab = labOfRealSnapshot();
    const { name } = await loseManifest(lab);
    lab.store.put(`${CLUSTER}/snapshots/ark-bad`, SNAPSHOT.subarray(0, 1000));
    await lab.clock.advance(TWO_HOURS_MS);
    const session = sessionOf(lab);

    await assert.rejects(
      rebuild(session, {}),
      (error) => isBackupError(error, "SNAPSHOT_CORRUPT") && /ark-bad/.test(error.message),
    );

    assert.equal(
      session.printed.stdout,
      `left out ${CLUSTER}/snapshots/ark-bad: it has no digest at its end: it was cut short, or is no snapshot\n` +
        `rebuilt ${name} in memory://m1/\n`,
    );
    const listing = sessionOf(lab);
    await list(listing);
    assert.match(listing.printed.stdout, new RegExp(`${name}.*rebuilt`));
    assert.doesNotMatch(listing.printed.stdout, /quorum/);
  });

  it("prints the same as data, and succeeds when all that it leaves out has only not had its time", async () => {
    const lab = labOfRealSnapshot();
    const { name } = await loseManifest(lab);
    await lab.clock.advance(TWO_HOURS_MS);
    await lab.manifest().then((young) => lab.store.lose(`${CLUSTER}/manifests/${young.name}.json`));
    const session = { ...sessionOf(lab), format: "json" } as const;

    await rebuild(session, { dryRun: true });

    const lines = JSON.parse(session.printed.stdout);
    assert.deepEqual(
      lines.map(({ action, dryRun }: { action: string; dryRun: boolean }) => [action, dryRun]),
      [
        ["left out", true],
        ["rebuilt", true],
      ],
    );
    assert.equal(lines[1].name, name);
  });

  it("has a word for it when there is nothing to do", async () => {
    const lab = labOfRealSnapshot();
    await lab.manifest();
    const session = sessionOf(lab);
    await rebuild(session, {});
    assert.deepEqual(session.printed, { stdout: "", stderr: "Nothing to rebuild\n" });
  });

  it("goes on with the other store when one does not answer, and fails then", async () => {
    const lab = labOfRealSnapshot({ stores: 2 });
    const { name } = await lab.manifest();
    for (const store of lab.stores) store.lose(`${CLUSTER}/manifests/${name}.json`);
    await lab.clock.advance(TWO_HOURS_MS);
    const error = new BackupError("STORE_UNAVAILABLE", "Cannot reach");
    using _fault = lab.stores[0]?.fail({ method: "list", error, times: 99 });
    const session = sessionOf(lab);

    await assert.rejects(rebuild(session, {}), (thrown) => thrown === error);

    assert.equal(session.printed.stdout, `rebuilt ${name} in memory://m2/\n`);
  });

  it("takes what the other store still says of the same bytes", async () => {
    const lab = labOfRealSnapshot({ stores: 2 });
    const lost = await loseManifest(lab);
    await lab.clock.advance(TWO_HOURS_MS);

    await rebuild(sessionOf(lab), {});

    const [own] = (await destinationOf(lab.store).catalog.list(lab.never)).entries;
    assert.deepEqual(own?.manifest, lost);
  });

  it("does not take what the other store says of other bytes", async () => {
    const lab = labOfRealSnapshot({ stores: 2 });
    const lost = await loseManifest(lab);
    lab.store.put(`${CLUSTER}/snapshots/${lost.name}`, snapshotFixture("etcd-3.4-fresh"));
    await lab.clock.advance(TWO_HOURS_MS);

    await rebuild(sessionOf(lab), {});

    const [own] = (await destinationOf(lab.store).catalog.list(lab.never)).entries;
    assert.deepEqual([own?.manifest.rebuilt, own?.manifest.revision, own?.good], [true, "1", true]);
  });

  it("gives a folder without identity the uuid of the other store", async () => {
    const lab = labOfRealSnapshot({ stores: 2 });
    const { name, clusterUuid } = await lab.manifest();
    for (const key of [`manifests/${name}.json`, "cluster.json"]) lab.stores[1]?.lose(`${CLUSTER}/${key}`);
    // As in a directory, which keeps no metadata.
    lab.stores[1]?.put(`${CLUSTER}/snapshots/${name}`, SNAPSHOT);
    lab.state.known.clear();
    await lab.clock.advance(TWO_HOURS_MS);

    await rebuild(sessionOf(lab), {});

    assert.equal(JSON.parse(lab.stores[1]?.text(`${CLUSTER}/cluster.json`) ?? "").uuid, clusterUuid);
  });

  it("imports what --from names, and `list` says so", async () => {
    const lab = labOfRealSnapshot();
    const from = new MemoryStore({ clock: lab.clock, id: "k3s" });
    from.put("etcd-snapshot-cp-1-1767225600", SNAPSHOT);
    const session = withFolder(sessionOf(lab), from);

    await rebuild(session, { from: "k3s" });

    assert.equal(session.printed.stderr, "");
    assert.match(
      session.printed.stdout,
      /^imported etcd-snapshot-cp-1-1767225600 as k3s-cp-1-\S+ in memory:\/\/m1\/\n$/,
    );
    const listing = sessionOf(lab);
    await list(listing);
    assert.match(listing.printed.stdout, /on demand; imported/);
  });

  it("warns of a folder in which k3s has mixed two clusters", async () => {
    const lab = labOfRealSnapshot();
    const from = new MemoryStore({ clock: lab.clock, id: "k3s" });
    from.put("etcd-snapshot-cp-1-1767225600", SNAPSHOT, { metadata: { "k3s-cluster-id": "one" } });
    from.put("etcd-snapshot-cp-2-1767225600", SNAPSHOT, { metadata: { "k3s-cluster-id": "two" } });
    const session = withFolder(sessionOf(lab), from);

    await rebuild(session, { from: "k3s", dryRun: true });

    assert.match(session.printed.stderr, /^warning: .*several k3s clusters: one, two$/m);
  });

  it("refuses its own folder, and a cluster id that is none", async () => {
    const lab = labOfRealSnapshot();
    const own = new MemoryStore({ clock: lab.clock, id: `m1/${CLUSTER}/snapshots` });
    for (const flags of [{ from: "prod" }, { clusterId: "0xCAFE" }]) {
      await assert.rejects(rebuild(withFolder(sessionOf(lab), own), flags), (error) => isBackupError(error, "USAGE"));
    }
  });
});
