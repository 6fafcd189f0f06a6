import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { BackupError } from "../../../src/errors.ts";
import type { SpoolQueue } from "../../../src/ports/spool.ts";
import { BackupLab, CLUSTER, destinationOf, FOLDER } from "../../support/backup-lab.ts";

const refused = new BackupError("STORE_REFUSED", "Cannot write: access denied");
const hasCode = (code: string) => (error: unknown) => error instanceof BackupError && error.code === code;

/** A spool in memory, with room for all. */
class MemoryQueue implements SpoolQueue {
  readonly #chunks: Uint8Array[] = [];
  readonly room = 1e9;

  get size(): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, 0);
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(chunk);
  }

  async take(): Promise<Uint8Array> {
    return this.#chunks.shift() ?? new Uint8Array();
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

describe("takeBackup()", () => {
  it("stores etcd's bytes as they are, then the manifest, and leaves nothing else", async () => {
    const lab = new BackupLab();

    const manifest = await lab.manifest();

    const key = `${CLUSTER}/snapshots/${manifest.name}`;
    assert.deepEqual(Buffer.from(lab.store.peek(key) ?? []), lab.source.snapshot());
    assert.deepEqual(lab.store.keys, [...FOLDER, `${CLUSTER}/manifests/${manifest.name}.json`, key]);
    assert.deepEqual(lab.store.unfinished, []);
    const order = lab.store.calls.filter(({ method }) => ["create", "open", "complete"].includes(method));
    assert.deepEqual(
      order.map(({ method, key }) => `${method} ${key.split("/")[1]}`),
      ["create cluster.json", "create runs", "open snapshots", "complete snapshots", "create manifests"],
    );
  });

  it("writes down exactly what it stored", async () => {
    const lab = new BackupLab();
    lab.source.storageVersion = "3.6.0";
    const bytes = lab.source.snapshot();

    const manifest = await lab.manifest();

    assert.equal(manifest.storageVersion, "3.6.0");
    assert.equal(manifest.revision, "100");
    assert.equal(manifest.snapshotSize, bytes.length);
    assert.equal(manifest.dbSize, bytes.length - 32);
    assert.equal(manifest.sha256, bytes.subarray(-32).toString("hex"));
    assert.equal(manifest.storedSha256, createHash("sha256").update(bytes).digest("hex"));
    assert.equal(manifest.key, `${CLUSTER}/snapshots/${manifest.name}`);
    assert.equal(manifest.timeline, "1");
    assert.deepEqual(manifest.suspect, []);
    assert.deepEqual(lab.telemetry.of("backupFinished").length, 1);
  });

  for (const { algorithm, undo, suffix } of [
    { algorithm: "gzip", undo: gunzipSync, suffix: ".gz" },
    { algorithm: "zstd", undo: zstdDecompressSync, suffix: ".zst" },
  ] as const) {
    it(`compresses with ${algorithm} when told to, and says so in name and manifest`, async () => {
      const lab = new BackupLab({ compression: { algorithm, level: undefined } });

      const manifest = await lab.manifest();

      const stored = lab.store.peek(`${CLUSTER}/snapshots/${manifest.name}${suffix}`) ?? new Uint8Array();
      assert.deepEqual(undo(stored), lab.source.snapshot());
      assert.deepEqual(manifest.encoding, [algorithm]);
      assert.equal(manifest.storedSize, stored.length);
      assert.equal(manifest.storedSha256, createHash("sha256").update(stored).digest("hex"));
    });
  }

  it("stores nothing when the digest does not match, and tries another member first", async () => {
    const lab = new BackupLab();
    lab.source.members = ["a", "b"];
    lab.source.tamper = (bytes) => bytes.fill(bytes[5000] === 1 ? 2 : 1, 5000, 5001);

    await assert.rejects(lab.backUp(), hasCode("SNAPSHOT_CORRUPT"));

    assert.deepEqual(lab.source.opened, ["a", "b"]);
    assert.deepEqual(lab.store.keys, FOLDER);
    assert.deepEqual(lab.store.unfinished, []);
  });

  it("takes the snapshot of another member when the first one's stream breaks off", async () => {
    const lab = new BackupLab();
    lab.source.members = ["a", "b"];
    lab.source.tamper = (bytes, member) => (member === "a" ? bytes.subarray(0, 5000) : bytes);

    const manifest = await lab.manifest();

    assert.equal(manifest.memberId, "b");
    assert.equal(lab.store.keys.filter((key) => key.includes("/snapshots/")).length, 1);
    assert.equal(lab.store.keys.filter((key) => key.includes("/runs/")).length, 0);
  });

  it("refuses a snapshot that is older than what the member had read before", async () => {
    const lab = new BackupLab();
    lab.source.readRevision = 101n;

    await assert.rejects(lab.backUp(), hasCode("ETCD_STREAM_BROKEN"));

    assert.deepEqual(lab.store.keys, FOLDER);
  });

  it("reads no byte from etcd before the store has accepted the start of the upload", async () => {
    const lab = new BackupLab();
    lab.store.fail({ method: "open", error: refused });

    await assert.rejects(lab.backUp(), hasCode("STORE_REFUSED"));

    assert.deepEqual(lab.source.opened, []);
    assert.deepEqual(lab.store.keys, FOLDER);
  });

  it("ends the stream when the database grows by a quarter while it is held", async () => {
    const lab = new BackupLab();
    lab.source.growth = () => 4096 * 1.26;
    lab.source.onSlice = () => lab.clock.advance(2000);

    await assert.rejects(lab.backUp(), hasCode("ETCD_HELD_TOO_LONG"));

    assert.deepEqual(lab.store.keys, FOLDER);
    assert.equal(lab.clock.sleeping, 0);
  });

  it("ends the stream when it is held for longer than the limit", async () => {
    const lab = new BackupLab({ holdLimitMs: 3000 });
    lab.source.onSlice = () => lab.clock.advance(1000);

    await assert.rejects(lab.backUp(), hasCode("ETCD_HELD_TOO_LONG"));

    assert.equal(lab.clock.sleeping, 0);
  });

  it("lets etcd run ahead of a slow store through the spool", async () => {
    const lab = new BackupLab({ spool: { open: async () => new MemoryQueue() } });
    const end = lab.source.snapshot().length;
    let sent = 0;
    lab.source.onSlice = (slice) => {
      sent = Math.min(end, (slice + 1) * 1000);
    };
    const released = Promise.withResolvers<void>();
    lab.store.onWrite = () => released.promise;

    const running = lab.manifest();
    await lab.clock.advance(0);
    assert.equal(sent, end);
    released.resolve();

    const { name } = await running;
    assert.deepEqual(Buffer.from(lab.store.peek(`${CLUSTER}/snapshots/${name}`) ?? []), lab.source.snapshot());
  });

  it("goes without the spool when it cannot be used, and says so", async () => {
    const failed = new BackupError("STORE_REFUSED", "Cannot spool: the file system is read-only");
    const lab = new BackupLab({ spool: { open: () => Promise.reject(failed) } });

    await lab.manifest();

    assert.equal(lab.telemetry.of("warning").length, 1);
  });

  it("keeps the copy of one store when the other fails, and says which failed", async () => {
    for (const method of ["open", "write", "complete"] as const) {
      const lab = new BackupLab({ stores: 2 });
      lab.stores[0]?.fail({ method, error: refused });

      const { outcomes } = await lab.backUp();

      assert.deepEqual(
        outcomes.map((outcome) => ("value" in outcome ? "stored" : outcome.error)),
        method === "open" ? [refused, "stored"] : [refused, "stored"],
      );
      assert.equal(lab.stores[1]?.keys.filter((key) => key.includes("/manifests/")).length, 1);
      assert.equal(lab.stores[0]?.keys.filter((key) => key.includes("/manifests/")).length, 0);
    }
  });

  it("leaves the intent behind when it cannot know whether the object was made", async () => {
    const lab = new BackupLab();
    lab.store.fail({ method: "complete", error: refused, afterwards: true });

    await assert.rejects(lab.backUp(), hasCode("STORE_REFUSED"));

    assert.equal(lab.store.keys.filter((key) => key.includes("/manifests/")).length, 0);
    assert.equal(lab.store.keys.filter((key) => key.includes("/runs/")).length, 1);
  });

  it("removes the intent when completing ends before the object can have been made", async () => {
    const lab = new BackupLab();
    lab.store.fail({ method: "complete", error: new BackupError("INTERRUPTED", "stop") });

    await assert.rejects(lab.backUp(), hasCode("INTERRUPTED"));

    assert.deepEqual(lab.store.keys, FOLDER);
  });

  it("begins an upload anew that has become another account's, once", async () => {
    const lost = new BackupError("STORE_UPLOAD_LOST", "Cannot upload part 2");
    const lab = new BackupLab();
    lab.store.fail({ method: "write", error: lost });

    const { name } = await lab.manifest();
    assert.ok(lab.store.peek(`${CLUSTER}/snapshots/${name}`));

    lab.store.fail({ method: "write", error: lost, times: 9 });
    await assert.rejects(lab.backUp(), (error) => error === lost);
  });

  it("cleans up after an interruption in mid-stream", async () => {
    const lab = new BackupLab();
    const interruption = new AbortController();
    lab.source.onSlice = (slice) =>
      slice === 5 ? interruption.abort(new BackupError("INTERRUPTED", "stop")) : undefined;

    await assert.rejects(lab.backUp({}, interruption.signal), hasCode("INTERRUPTED"));

    assert.deepEqual(lab.store.keys, FOLDER);
    assert.deepEqual(lab.store.unfinished, []);
  });

  it("warns when no quorum vouches for the snapshot", async () => {
    const lab = new BackupLab();
    lab.source.linearized = false;

    const manifest = await lab.manifest();

    assert.equal(manifest.linearized, false);
    assert.equal(lab.telemetry.of("warning").length, 1);
  });
});

describe("takeBackup() on a folder with a history", () => {
  it("refuses another etcd cluster's folder and writes nothing there", async () => {
    const lab = new BackupLab();
    await lab.manifest();
    const before = lab.store.keys;
    lab.source.clusterId = "beef02";

    await assert.rejects(lab.backUp(), hasCode("IDENTITY_MISMATCH"));

    assert.deepEqual(lab.store.keys, before);
  });

  it("refuses a folder with another identity than this node remembers, though the etcd cluster id is the same", async () => {
    const lab = new BackupLab();
    lab.state.known.set(`m1 ${CLUSTER}`, "uuid-of-before");
    const other = new BackupLab();
    await other.manifest();
    for (const key of other.store.keys) lab.store.put(key, other.store.peek(key) ?? "");

    await assert.rejects(lab.backUp(), hasCode("IDENTITY_MISMATCH"));
  });

  it("signs the folder again as it was when its identity object was lost", async () => {
    const lab = new BackupLab();
    const { clusterUuid } = await lab.manifest();
    lab.store.lose(`${CLUSTER}/cluster.json`);

    assert.equal((await lab.manifest()).clusterUuid, clusterUuid);
  });

  it("lets two nodes that sign the folder at once end up with one identity", async () => {
    const lab = new BackupLab();
    const { store } = lab;
    const other = new BackupLab({ node: "cp-2", destinations: [destinationOf(store)], newUuid: () => "uuid-b" });

    const [a, b] = await Promise.all([lab.manifest(), other.manifest()]);

    assert.equal(a.clusterUuid, b.clusterUuid);
  });

  it("marks a snapshot whose revision went back, and begins a new timeline with it", async () => {
    const lab = new BackupLab();
    await lab.manifest();
    lab.source.revision = 50n;
    await lab.clock.advance(60_000);

    const manifest = await lab.manifest();

    assert.equal(manifest.timeline, "2");
    assert.deepEqual(manifest.suspect, ["revision went back from 100 to 50"]);
    assert.equal(lab.telemetry.of("historySuspect").length, 1);
    lab.source.revision = 60n;
    await lab.clock.advance(60_000);
    const next = await lab.manifest();
    assert.deepEqual([next.timeline, next.suspect], ["2", []]);
  });

  it("compares with what is newest by a right clock, not with a snapshot from the future", async () => {
    const lab = new BackupLab();
    lab.source.revision = 5000n;
    lab.clock.step(30 * 86_400_000);
    await lab.manifest();
    lab.clock.step(-30 * 86_400_000);
    lab.source.revision = 6000n;
    await lab.manifest();
    await lab.clock.advance(60_000);
    lab.source.revision = 5500n;

    assert.deepEqual((await lab.manifest()).suspect, ["revision went back from 6000 to 5500"]);
  });

  it("signs all folders of one cluster with one uuid, also one that comes later", async () => {
    const lab = new BackupLab({ stores: 2 });
    const fault = lab.stores[0]?.fail({ method: "list", error: refused, times: 9 });
    await lab.backUp();
    fault?.[Symbol.dispose]();
    await lab.backUp();

    const [one, other] = lab.stores.map((store) => store.text(`${CLUSTER}/cluster.json`));
    assert.equal(JSON.parse(one ?? "").uuid, JSON.parse(other ?? "").uuid);
  });

  it("marks a snapshot with less than half of the live keys", async () => {
    const lab = new BackupLab();
    await lab.manifest();
    lab.source.liveKeys = 19;
    await lab.clock.advance(60_000);

    assert.deepEqual((await lab.manifest()).suspect, ["live keys fell from 40 to 19"]);
  });

  it("counts the keys at the revision of the snapshot, which may be newer than the read before it", async () => {
    const lab = new BackupLab();
    lab.source.readRevision = 90n;
    lab.source.countKeys = async (_member, revision) => (revision === 100n ? 41 : 0);

    const { liveKeys, liveKeysRevision } = await lab.manifest();

    assert.deepEqual({ liveKeys, liveKeysRevision }, { liveKeys: 41, liveKeysRevision: "100" });
  });

  it("keeps the count of the read when etcd has compacted the snapshot's revision meanwhile", async () => {
    const lab = new BackupLab();
    lab.source.readRevision = 90n;
    lab.source.countKeys = async () => {
      throw new BackupError("ETCD_REFUSED", "Cannot read: required revision has been compacted");
    };

    const { liveKeys, liveKeysRevision } = await lab.manifest();

    assert.deepEqual({ liveKeys, liveKeysRevision }, { liveKeys: 40, liveKeysRevision: "90" });
  });

  it("marks a snapshot of a cluster that has raised a CORRUPT alarm", async () => {
    const lab = new BackupLab();
    lab.source.alarms = ["CORRUPT"];

    assert.deepEqual((await lab.manifest()).suspect, ["etcd has raised a CORRUPT alarm"]);
  });
});
