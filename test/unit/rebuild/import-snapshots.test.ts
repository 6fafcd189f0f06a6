import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { listSnapshots } from "../../../src/backup/list-snapshots.ts";
import { planPrune } from "../../../src/backup/prune.ts";
import { recoverRuns } from "../../../src/backup/recover-runs.ts";
import { Config } from "../../../src/config/schema.ts";
import { BackupError, isBackupError } from "../../../src/errors.ts";
import { type ImportRequest, importSnapshots } from "../../../src/rebuild/import-snapshots.ts";
import type { Outcome } from "../../../src/rebuild/outcome.ts";
import { verifyCopy } from "../../../src/verify/verify-copies.ts";
import { type BackupLab, CLUSTER, destinationOf } from "../../support/backup-lab.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { snapshotFixture } from "../mvcc/memory-source.ts";
import { labOfRealSnapshot, verifyContextOf } from "../verify/verify-lab.ts";
import { briefly, k3sZip, rebuildIn, SNAPSHOT, TWO_HOURS_MS } from "./rebuild-lab.ts";

/** 2026-01-01T00:00:00Z, which is before the lab's clock begins. */
const TAKEN_SECONDS = 1_767_225_600;
const FILE = `etcd-snapshot-cp-1-${TAKEN_SECONDS}`;
const NAME = /^k3s-cp-1-20260101T000000000Z-[a-z]{4}$/;

async function importFrom(lab: BackupLab, from: MemoryStore, request: Partial<ImportRequest> = {}): Promise<Outcome[]> {
  const context = { backup: lab.context, verify: verifyContextOf(lab) };
  const options = { from, fallback: "fresh", dryRun: false, clusterId: undefined, ...request };
  return await Array.fromAsync(importSnapshots(context, options, lab.never));
}

function folderOf(lab: BackupLab, objects: Readonly<Record<string, Uint8Array>>): MemoryStore {
  const from = new MemoryStore({ clock: lab.clock, id: "k3s" });
  for (const [key, bytes] of Object.entries(objects)) from.put(key, bytes);
  return from;
}

function wholeOf(store: MemoryStore): Record<string, string> {
  return Object.fromEntries(store.keys.map((key) => [key, Buffer.from(store.peek(key) ?? "").toString("base64")]));
}

describe("importSnapshots()", () => {
  it("copies a snapshot of k3s under a name of its moment, and leaves the folder as it was", async () => {
    const lab = labOfRealSnapshot();
    await lab.manifest();
    const from = folderOf(lab, { [FILE]: SNAPSHOT, [`.metadata/${FILE}`]: Buffer.from("{}"), "sub/folder": SNAPSHOT });
    const before = wholeOf(from);

    const [outcome, ...others] = await importFrom(lab, from);

    assert.deepEqual(others, []);
    assert.ok(outcome?.action === "imported");
    assert.ok(NAME.test(outcome.name) && outcome.key === FILE, JSON.stringify(outcome));
    assert.deepEqual(wholeOf(from), before);
    const [entry] = (await lab.destination.catalog.list(lab.never)).entries;
    assert.equal(entry?.name, outcome.name, "it is older than what was taken here");
    assert.deepEqual(lab.store.peek(entry?.manifest.key ?? ""), Uint8Array.from(SNAPSHOT));
    const { kind, tick, storedAt, finishedAt, node, revision, liveKeys, clusterId, timeline } = entry?.manifest ?? {};
    const moment = "2026-01-01T00:00:00.000Z";
    assert.deepEqual([kind, tick, storedAt, finishedAt], ["on-demand", moment, moment, moment]);
    assert.deepEqual([node, revision, liveKeys, clusterId, timeline], ["cp-1", "61", 60, "0", "0"]);
    assert.deepEqual([entry?.manifest.rebuilt, entry?.manifest.importedFrom], [true, from.url(FILE)]);
    assert.equal(lab.store.keys.filter((key) => key.includes("/runs/")).length, 0);
  });

  for (const compression of [{ algorithm: "none" }, { algorithm: "zstd", level: undefined }] as const) {
    for (const { file, bytes } of [
      { file: FILE, bytes: SNAPSHOT },
      { file: `${FILE}.zip`, bytes: k3sZip(FILE, SNAPSHOT) },
      { file: `${FILE}.gz`, bytes: gzipSync(SNAPSHOT) },
    ]) {
      it(`keeps "${file}" with compression ${compression.algorithm} so that \`verify\` finds nothing wrong`, async () => {
        const lab = labOfRealSnapshot({ compression });
        await importFrom(lab, folderOf(lab, { [file]: bytes }));
        const [entry] = (await lab.destination.catalog.list(lab.never)).entries;
        assert.ok(entry);

        const copy = { destination: lab.destination, entry };
        const options = { level: "full", askHash: undefined } as const;
        const { verification } = await verifyCopy(verifyContextOf(lab), { copy, options }, lab.never);

        assert.deepEqual(verification.findings, []);
      });
    }
  }

  it("gives the same bytes the same name, zipped or not", async () => {
    const lab = labOfRealSnapshot();
    const from = folderOf(lab, { [FILE]: SNAPSHOT, [`${FILE}.zip`]: k3sZip(FILE, SNAPSHOT) });
    const [first, second] = await importFrom(lab, from);
    assert.ok(first?.action === "imported");
    assert.deepEqual(second, { ...first, action: "there already", key: `${FILE}.zip` });
    assert.deepEqual(briefly(await importFrom(lab, from)), Array(2).fill(`there already ${first.name}`));
  });

  it("adds nothing when it runs again, and reads no bytes for that", async () => {
    const lab = labOfRealSnapshot();
    const from = folderOf(lab, { [FILE]: SNAPSHOT });
    await importFrom(lab, from);
    const before = wholeOf(lab.store);
    from.calls.length = 0;

    assert.deepEqual(
      (await importFrom(lab, from)).map(({ action }) => action),
      ["there already"],
    );
    assert.deepEqual(wholeOf(lab.store), before);
    assert.ok(!from.calls.some(({ method }) => method === "read"));
  });

  it("finds a copy by its bytes when the folder has got another name", async () => {
    const lab = labOfRealSnapshot();
    await importFrom(lab, folderOf(lab, { [FILE]: SNAPSHOT }));
    const before = wholeOf(lab.store);
    const moved = new MemoryStore({ clock: lab.clock, id: "moved" });
    moved.put(FILE, SNAPSHOT);

    assert.deepEqual(
      (await importFrom(lab, moved)).map(({ action }) => action),
      ["there already"],
    );
    assert.deepEqual(wholeOf(lab.store), before);
  });

  it("writes nothing in a dry run, not even an identity", async () => {
    const lab = labOfRealSnapshot();
    const outcomes = await importFrom(lab, folderOf(lab, { [FILE]: SNAPSHOT }), { dryRun: true });
    assert.equal(outcomes[0]?.action, "imported");
    assert.deepEqual(lab.store.keys, []);
  });

  for (const { what, file, bytes, says } of [
    { what: "a truncated one", file: FILE, bytes: SNAPSHOT.subarray(0, 20_001), says: /no digest at its end/ },
    {
      what: "a truncated zip",
      file: `${FILE}.zip`,
      bytes: k3sZip(FILE, SNAPSHOT).subarray(0, 900),
      says: /no whole zip/,
    },
    {
      what: "a zip of a truncated one",
      file: `${FILE}.zip`,
      bytes: k3sZip(FILE, SNAPSHOT.subarray(0, 99)),
      says: /no digest/,
    },
    { what: "what is only called a zip", file: `${FILE}.zip`, bytes: SNAPSHOT, says: /no zip archive/ },
    {
      what: "a zip of which only the header has come",
      file: `${FILE}.zip`,
      bytes: Buffer.from("PK"),
      says: /no zip archive/,
    },
    { what: "an encrypted zip", file: `${FILE}.zip`, bytes: k3sZip(FILE, SNAPSHOT).fill(9, 6, 7), says: /encrypted/ },
    {
      what: "a zip that is not deflated",
      file: `${FILE}.zip`,
      bytes: k3sZip(FILE, SNAPSHOT).fill(0, 8, 9),
      says: /another way/,
    },
    { what: "something else", file: "README", bytes: Buffer.from("hello"), says: /no digest at its end/ },
  ]) {
    it(`leaves ${what} out, says why, and goes on`, async () => {
      const lab = labOfRealSnapshot();
      const other = `z-cp-2-${TAKEN_SECONDS}`;
      const outcomes = await importFrom(lab, folderOf(lab, { [file]: bytes, [other]: SNAPSHOT }));

      assert.deepEqual(
        outcomes.map(({ action }) => action),
        ["left out", "imported"],
      );
      assert.ok(outcomes[0]?.action === "left out" && outcomes[0].isFinding);
      assert.match(outcomes[0].why, says);
      assert.equal(lab.store.keys.filter((key) => key.includes("/snapshots/")).length, 1);
    });
  }

  it("does not read what is too short by its size alone", async () => {
    const lab = labOfRealSnapshot();
    const from = folderOf(lab, { [FILE]: SNAPSHOT.subarray(0, 20_001) });
    assert.equal((await importFrom(lab, from))[0]?.action, "left out");
    assert.ok(!from.calls.some(({ method }) => method === "read"));
  });

  it("reads a zip of which little comes at a time", async () => {
    const lab = labOfRealSnapshot();
    const from = folderOf(lab, { [`${FILE}.zip`]: k3sZip(FILE, SNAPSHOT) });
    const read = from.read.bind(from);
    from.read = async function* (...args) {
      for await (const chunk of read(...args)) for (const byte of chunk) yield Uint8Array.of(byte);
    };
    assert.equal((await importFrom(lab, from))[0]?.action, "imported");
  });

  it("reads a zip to its end, whatever follows the snapshot", async () => {
    const lab = labOfRealSnapshot();
    const archive = Buffer.concat([k3sZip(FILE, SNAPSHOT), Buffer.alloc(1_000_000)]);
    const [outcome] = await importFrom(lab, folderOf(lab, { [`${FILE}.zip`]: archive }));
    assert.equal(outcome?.action, "imported");
  });

  it("passes over empty objects, which k3s takes for none either", async () => {
    const lab = labOfRealSnapshot();
    const [outcome] = await importFrom(lab, folderOf(lab, { [FILE]: Buffer.alloc(0) }));
    assert.ok(outcome?.action === "left out" && !outcome.isFinding);
  });

  it("takes the node from what k3s has noted, and the moment of storing where the name tells none that has come", async () => {
    const lab = labOfRealSnapshot();
    const from = new MemoryStore({ clock: lab.clock, id: "k3s" });
    from.put(`my-name-cp-7-${TAKEN_SECONDS}`, SNAPSHOT, { metadata: { "k3s-node-name": "cp-7" } });
    const stored = from.put("before-upgrade", SNAPSHOT);
    from.put("by-a-wrong-clock-1799999999", SNAPSHOT);
    await importFrom(lab, from);

    const { entries } = await lab.destination.catalog.list(lab.never);
    assert.deepEqual(
      entries
        .map(({ manifest }) => [manifest.node, Date.parse(manifest.storedAt)])
        .toSorted()
        .toReversed(),
      [
        ["cp-7", TAKEN_SECONDS * 1000],
        ["by-a-wrong-clock", stored.storedAt],
        ["", stored.storedAt],
      ],
    );
  });

  it("never makes the newest of an old one, nor anything that retention prunes or counts with others", async () => {
    const lab = labOfRealSnapshot();
    const own = await lab.manifest();
    await lab.clock.advance(TWO_HOURS_MS);
    await importFrom(lab, folderOf(lab, { [FILE]: SNAPSHOT, [`etcd-snapshot-cp-2-${TAKEN_SECONDS + 60}`]: SNAPSHOT }));

    assert.equal((await lab.destination.catalog.newest(lab.never))?.name, own.name);
    const retention = { ...Config.parse({}).retention, last: 1, daily: 0, weekly: 0 };
    const { decisions } = await planPrune({ destination: lab.destination, retention }, lab.never);
    assert.deepEqual(
      decisions.map(({ action }) => action),
      ["keep", "keep", "keep"],
    );
    lab.source.revision = 1n;
    lab.source.fixture = snapshotFixture("etcd-3.4-fresh");
    assert.deepEqual((await lab.manifest()).timeline, "2", "history is compared with what was taken here");
  });

  it("keeps its moment when its manifest is lost later on", async () => {
    const lab = labOfRealSnapshot();
    const own = await lab.manifest();
    await lab.clock.advance(TWO_HOURS_MS);
    const [outcome] = await importFrom(lab, folderOf(lab, { [FILE]: SNAPSHOT }));
    assert.ok(outcome?.action === "imported");
    const before = (await lab.destination.catalog.list(lab.never)).entries[0]?.manifest;
    lab.store.lose(`${CLUSTER}/manifests/${outcome.name}.json`);
    await lab.clock.advance(TWO_HOURS_MS);

    assert.deepEqual(briefly(await rebuildIn(lab)), [`rebuilt ${outcome.name}`]);

    // Another catalog, since one reads a manifest only once.
    const [first, second] = (await destinationOf(lab.store).catalog.list(lab.never)).entries;
    assert.deepEqual([first?.name, second?.name], [outcome.name, own.name]);
    const { importedFrom: _, ...told } = before ?? {};
    assert.deepEqual(first?.manifest, told);
  });

  it("signs a folder that is new, so that backups go on in it", async () => {
    const lab = labOfRealSnapshot();
    await importFrom(lab, folderOf(lab, { [FILE]: SNAPSHOT }), { clusterId: "cafe01" });
    const { clusterUuid, timeline, suspect } = await lab.manifest();
    assert.deepEqual([clusterUuid, timeline, suspect], ["fresh", "1", []]);
  });

  it("is no reason to refuse backups when the identity is lost after it", async () => {
    const lab = labOfRealSnapshot();
    await importFrom(lab, folderOf(lab, { [FILE]: SNAPSHOT }));
    lab.store.lose(`${CLUSTER}/cluster.json`);
    assert.equal((await lab.manifest()).clusterUuid, "fresh");
  });

  it("brings each into every store, and into one that lacks it", async () => {
    const lab = labOfRealSnapshot({ stores: 2 });
    const from = folderOf(lab, { [FILE]: SNAPSHOT });
    const [first] = await importFrom(lab, from);
    assert.ok(first?.action === "imported");
    const both = (await listSnapshots(lab.context.destinations, lab.never)).snapshots;
    assert.deepEqual(
      both.map(({ stores }) => stores.length),
      [2],
    );
    for (const key of [`manifests/${first.name}.json`, `snapshots/${first.name}`])
      lab.stores[1]?.lose(`${CLUSTER}/${key}`);

    assert.deepEqual(briefly(await importFrom(lab, from)), [`there already ${first.name}`, `imported ${first.name}`]);
  });

  it("leaves nothing when it is interrupted, and takes up again what a kill has left", async () => {
    const lab = labOfRealSnapshot();
    await lab.manifest();
    const before = lab.store.keys;
    const from = folderOf(lab, { [FILE]: SNAPSHOT });
    const error = new BackupError("STORE_UNAVAILABLE", "Cannot write");
    const fault = lab.store.fail({ method: "write", error });
    await assert.rejects(importFrom(lab, from), (thrown) => thrown === error);
    fault[Symbol.dispose]();
    assert.deepEqual(lab.store.keys, before);
    const [done] = await importFrom(lab, from);
    assert.ok(done?.action === "imported");
    lab.store.lose(`${CLUSTER}/manifests/${done.name}.json`);
    lab.store.put(`${CLUSTER}/runs/${done.name}.json`, JSON.stringify({ name: done.name, node: "cp-1" }));

    const [left] = await importFrom(lab, from);

    assert.ok(left?.action === "left out");
    assert.match(left.why, /was killed/);
    await lab.clock.advance(TWO_HOURS_MS);
    await recoverRuns(lab.context, { destination: lab.destination }, lab.never);
    assert.deepEqual(briefly(await importFrom(lab, from)), [`imported ${done.name}`]);
  });

  it("does not store bytes that change while they are copied", async () => {
    const lab = labOfRealSnapshot();
    const from = folderOf(lab, { [FILE]: SNAPSHOT });
    const flipped = Buffer.from(SNAPSHOT);
    flipped.writeUInt8(flipped.readUInt8(9000) ^ 1, 9000);
    lab.store.onWrite = () => undefined;
    const open = lab.store.open.bind(lab.store);
    lab.store.open = async (...args) => {
      from.put(FILE, flipped);
      return await open(...args);
    };

    const [outcome] = await importFrom(lab, from);

    assert.ok(outcome?.action === "left out" && outcome.isFinding);
    assert.ok(!lab.store.keys.some((key) => /snapshots|manifests|runs/.test(key)));
  });

  it("refuses to import into a folder that is another than this node remembers", async () => {
    const lab = labOfRealSnapshot();
    await lab.manifest();
    lab.state.known.set(`m1 ${CLUSTER}`, "remembered");
    await assert.rejects(importFrom(lab, folderOf(lab, { [FILE]: SNAPSHOT })), (error) =>
      isBackupError(error, "IDENTITY_MISMATCH"),
    );
  });
});
