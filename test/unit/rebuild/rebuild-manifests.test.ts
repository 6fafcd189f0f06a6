import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { planPrune } from "../../../src/backup/prune.ts";
import { BackupError, isBackupError } from "../../../src/errors.ts";
import { verifyCopy } from "../../../src/verify/verify-copies.ts";
import { CLUSTER } from "../../support/backup-lab.ts";
import { labOfRealSnapshot, verifyContextOf } from "../verify/verify-lab.ts";
import { briefly, loseManifest, rebuildIn, SNAPSHOT, TWO_HOURS_MS, withDigest } from "./rebuild-lab.ts";

const KEEP_ONE = {
  last: 1,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  within: 0,
  timezone: "UTC",
  maxDeletes: 10,
  onDemand: { last: 0, within: 0 },
};

describe("rebuildManifests()", () => {
  for (const { algorithm } of [{ algorithm: "none" }, { algorithm: "zstd" }, { algorithm: "gzip" }] as const) {
    it(`makes a lost manifest anew, stored with compression ${algorithm}, and says in it what nobody knows`, async () => {
      const compression = algorithm === "none" ? { algorithm } : { algorithm, level: undefined };
      const lab = labOfRealSnapshot({ compression });
      const lost = await loseManifest(lab);
      await lab.clock.advance(TWO_HOURS_MS);

      assert.deepEqual(briefly(await rebuildIn(lab)), [`rebuilt ${lost.name}`]);

      const [entry] = (await lab.destination.catalog.list(lab.never)).entries;
      assert.deepEqual(entry?.manifest, {
        ...lost,
        memberId: "0",
        memberName: "",
        timeline: "0",
        etcdVersion: "",
        distribution: "",
        startedAt: lost.storedAt,
        finishedAt: lost.storedAt,
        linearized: false,
        dbSizeInUse: lost.dbSize,
        rebuilt: true,
      });
      assert.equal(entry?.good, true);
    });
  }

  it("makes what `verify` then finds nothing wrong with", async () => {
    const lab = labOfRealSnapshot();
    await loseManifest(lab);
    await lab.clock.advance(TWO_HOURS_MS);
    await rebuildIn(lab);
    const [entry] = (await lab.destination.catalog.list(lab.never)).entries;
    assert.ok(entry);

    const copy = { destination: lab.destination, entry };
    const options = { level: "full", askHash: undefined } as const;
    const { verification } = await verifyCopy(verifyContextOf(lab), { copy, options }, lab.never);

    assert.deepEqual(verification.findings, []);
  });

  for (const { where, inMemoryBytes } of [
    { where: "memory", inMemoryBytes: 2 ** 20 },
    { where: "elsewhere", inMemoryBytes: 0 },
  ]) {
    for (const { suffix, encode } of [
      { suffix: "", encode: (bytes: Buffer) => bytes },
      { suffix: ".zst", encode: zstdCompressSync },
      { suffix: ".gz", encode: gzipSync },
    ]) {
      it(`leaves damaged pages out although their digest is right, with suffix "${suffix}" and read from ${where}`, async () => {
        const lab = labOfRealSnapshot();
        const pages = Buffer.from(SNAPSHOT.subarray(0, -32));
        pages.fill(7, 9000, 9100);
        lab.store.put(`${CLUSTER}/snapshots/ark-x${suffix}`, encode(withDigest(pages)));
        await lab.clock.advance(TWO_HOURS_MS);
        const verify = { ...verifyContextOf(lab), inMemoryBytes };

        const [outcome] = await rebuildIn(lab, {}, verify);

        assert.ok(outcome?.action === "left out" && outcome.isFinding);
        assert.doesNotMatch(outcome.why, /digest/);
        assert.deepEqual(
          lab.store.keys.filter((key) => key.includes("/manifests/")),
          [],
        );
      });
    }
  }

  for (const { what, key, bytes, says } of [
    { what: "a flipped bit", key: "a", bytes: flipped(), says: /its SHA-256 is/ },
    { what: "a cut", key: "a", bytes: SNAPSHOT.subarray(0, 20_001), says: /no digest at its end/ },
    { what: "no bytes", key: "a", bytes: Buffer.alloc(0), says: /no digest at its end/ },
    { what: "a digest and no database", key: "a", bytes: withDigest(Buffer.alloc(1024)), says: /./ },
    {
      what: "half a zstd stream",
      key: "a.zst",
      bytes: zstdCompressSync(SNAPSHOT).subarray(0, 900),
      says: /no whole zstd/,
    },
    {
      what: "something behind a gzip stream",
      key: "a.gz",
      bytes: Buffer.concat([gzipSync(SNAPSHOT), Buffer.alloc(200_000)]),
      says: /something follows|no whole gzip/,
    },
    { what: "a gzip stream of a cut", key: "a.gz", bytes: gzipSync(SNAPSHOT.subarray(0, 20_001)), says: /no digest/ },
  ]) {
    it(`leaves ${what} out, says why, and goes on`, async () => {
      const lab = labOfRealSnapshot();
      const lost = await loseManifest(lab);
      lab.store.put(`${CLUSTER}/snapshots/${key}`, bytes);
      await lab.clock.advance(TWO_HOURS_MS);

      const outcomes = await rebuildIn(lab);

      assert.deepEqual(
        outcomes.map(({ action }) => action),
        ["left out", "rebuilt"],
      );
      assert.match(briefly(outcomes)[0] ?? "", says);
      assert.deepEqual(
        lab.store.keys.filter((each) => each.includes("/manifests/")),
        [`${CLUSTER}/manifests/${lost.name}.json`],
      );
    });
  }

  it("sees by one reading that the digest is wrong", async () => {
    const lab = labOfRealSnapshot();
    lab.store.put(`${CLUSTER}/snapshots/ark-x`, flipped());
    await lab.clock.advance(TWO_HOURS_MS);
    await rebuildIn(lab);
    assert.equal(lab.store.calls.filter(({ method }) => method === "read").length, 1);
  });

  it("leaves out what another cluster has stored here, by its metadata", async () => {
    const lab = labOfRealSnapshot();
    await lab.manifest();
    lab.store.put(`${CLUSTER}/snapshots/ark-theirs`, SNAPSHOT, { metadata: { uuid: "theirs" } });
    await lab.clock.advance(TWO_HOURS_MS);

    assert.deepEqual(briefly(await rebuildIn(lab)), ["left out: it is of another cluster, theirs"]);
  });

  it("does not touch what a run is under way with, even by force", async () => {
    const lab = labOfRealSnapshot();
    const { name } = await loseManifest(lab);
    lab.store.put(`${CLUSTER}/runs/${name}.json`, "{}");
    await lab.clock.advance(TWO_HOURS_MS);

    const [outcome] = await rebuildIn(lab, { force: true });

    assert.ok(outcome?.action === "left out" && !outcome.isFinding);
    assert.match(outcome.why, /a run is under way/);
  });

  it("sees the manifest of a run that ends while it looks", async () => {
    const lab = labOfRealSnapshot();
    const { name } = await lab.manifest();
    const [intent, manifest] = [`${CLUSTER}/runs/${name}.json`, `${CLUSTER}/manifests/${name}.json`];
    const body = lab.store.peek(manifest) ?? "";
    lab.store.lose(manifest);
    lab.store.put(intent, "{}");
    const list = lab.store.list.bind(lab.store);
    let lists = 0;
    lab.store.list = async function* (...args) {
      lists += 1;
      yield* list(...args);
      if (lists !== 2) return;
      lab.store.put(manifest, body);
      lab.store.lose(intent);
    };

    assert.deepEqual(await rebuildIn(lab, { force: true }), []);
  });

  it("takes what is younger than an hour only by force", async () => {
    const lab = labOfRealSnapshot();
    const { name } = await loseManifest(lab);
    await lab.clock.advance(3_599_999);

    assert.match(briefly(await rebuildIn(lab)).join(), /younger than an hour/);
    assert.deepEqual(briefly(await rebuildIn(lab, { force: true })), [`rebuilt ${name}`]);
  });

  it("adds nothing when it runs again, and nothing in a dry run", async () => {
    const lab = labOfRealSnapshot();
    const { name } = await loseManifest(lab);
    await lab.clock.advance(TWO_HOURS_MS);
    const before = lab.store.keys;

    assert.deepEqual(briefly(await rebuildIn(lab, { dryRun: true })), [`rebuilt ${name}`]);
    assert.deepEqual(lab.store.keys, before);
    await rebuildIn(lab);
    const after = lab.store.keys;
    assert.deepEqual(await rebuildIn(lab), []);
    assert.deepEqual(lab.store.keys, after);
  });

  it("never writes over a manifest that appears meanwhile", async () => {
    const lab = labOfRealSnapshot();
    const { name } = await loseManifest(lab);
    await lab.clock.advance(TWO_HOURS_MS);
    const error = new BackupError("STORE_CONFLICT", "Cannot create: another object is there");
    using _fault = lab.store.fail({ method: "create", key: /manifests/, error });

    const [outcome] = await rebuildIn(lab);

    assert.ok(outcome?.action === "left out" && !outcome.isFinding);
    assert.equal(lab.store.peek(`${CLUSTER}/manifests/${name}.json`), undefined);
  });

  it("makes one that pruning never counts together with others", async () => {
    const lab = labOfRealSnapshot();
    const kept = await lab.manifest();
    await lab.clock.advance(TWO_HOURS_MS);
    await loseManifest(lab);
    await lab.clock.advance(TWO_HOURS_MS);
    await rebuildIn(lab);

    const { decisions } = await planPrune({ destination: lab.destination, retention: KEEP_ONE }, lab.never);

    assert.equal(decisions.find(({ name }) => name === kept.name)?.action, "keep");
  });

  it("holds only what the schedule has named to be scheduled", async () => {
    const lab = labOfRealSnapshot();
    await lab.manifest();
    for (const name of ["ark-cp-1-x", "ark-manual-cp-1-x", "nightly-x"]) {
      lab.store.put(`${CLUSTER}/snapshots/${name}`, SNAPSHOT);
    }
    await lab.clock.advance(TWO_HOURS_MS);
    await rebuildIn(lab);

    const { entries } = await lab.destination.catalog.list(lab.never);
    const kinds = entries.filter(({ manifest }) => manifest.rebuilt).map(({ name, manifest }) => [name, manifest.kind]);
    assert.deepEqual(Object.fromEntries(kinds), {
      "ark-cp-1-x": "scheduled",
      "ark-manual-cp-1-x": "on-demand",
      "nightly-x": "on-demand",
    });
  });

  it("names the etcd cluster that owned the folder when a snapshot was stored", async () => {
    const lab = labOfRealSnapshot();
    await lab.manifest();
    const identity = JSON.parse(lab.store.text(`${CLUSTER}/cluster.json`) ?? "");
    const since = new Date(lab.clock.now() + 1000).toISOString();
    identity.timelines.push({ id: "2", clusterId: "beef02", since, why: "adopted" });
    lab.store.put(`${CLUSTER}/cluster.json`, JSON.stringify(identity));
    lab.store.put(`${CLUSTER}/snapshots/ark-a`, SNAPSHOT);
    await lab.clock.advance(5000);
    lab.store.put(`${CLUSTER}/snapshots/ark-b`, SNAPSHOT, { etag: '"0123-12"' });
    await lab.clock.advance(TWO_HOURS_MS);
    await rebuildIn(lab);

    const { entries } = await lab.destination.catalog.list(lab.never);
    const found = entries.filter(({ manifest }) => manifest.rebuilt).map(({ manifest }) => manifest);
    assert.deepEqual(
      found.map(({ name, clusterId, parts }) => [name, clusterId, parts]),
      [
        ["ark-a", "cafe01", 1],
        ["ark-b", "beef02", 12],
      ],
    );
  });
});

describe("rebuildManifests() of a folder whose identity is lost", () => {
  async function labWithoutIdentity() {
    const lab = labOfRealSnapshot();
    const lost = await loseManifest(lab);
    lab.store.lose(`${CLUSTER}/cluster.json`);
    lab.state.known.clear();
    await lab.clock.advance(TWO_HOURS_MS);
    return { lab, lost };
  }

  it("signs it again with the uuid of its objects and the id that etcd says, so that backups go on", async () => {
    const { lab, lost } = await labWithoutIdentity();
    await rebuildIn(lab);

    const identity = await lab.destination.catalog.identity(lab.never);
    assert.equal(identity?.uuid, lost.clusterUuid);
    const { clusterUuid, timeline, suspect } = await lab.manifest();
    assert.deepEqual([clusterUuid, timeline, suspect], [lost.clusterUuid, "1", []]);
  });

  it("takes the id of etcd from the operator where etcd is gone, and says so where neither is there", async () => {
    const { lab, lost } = await labWithoutIdentity();
    lab.source.down = new BackupError("ETCD_UNAVAILABLE", "Cannot reach etcd");

    await assert.rejects(
      rebuildIn(lab),
      (error) => isBackupError(error, "ETCD_UNAVAILABLE") && /--cluster-id/.test(error.hint ?? ""),
    );
    assert.equal(lab.store.peek(`${CLUSTER}/cluster.json`), undefined);
    assert.deepEqual(briefly(await rebuildIn(lab, { clusterId: "cafe01" })), [`rebuilt ${lost.name}`]);
  });

  it("signs nothing in a dry run", async () => {
    const { lab } = await labWithoutIdentity();
    assert.equal((await rebuildIn(lab, { dryRun: true }))[0]?.action, "rebuilt");
    assert.equal(lab.store.peek(`${CLUSTER}/cluster.json`), undefined);
  });

  it("refuses to choose when its objects name two clusters, or this node remembers another", async () => {
    const { lab } = await labWithoutIdentity();
    lab.state.known.set(`m1 ${CLUSTER}`, "remembered");
    await assert.rejects(rebuildIn(lab), (error) => isBackupError(error, "IDENTITY_MISMATCH"));
    lab.state.known.clear();
    lab.store.put(`${CLUSTER}/snapshots/ark-theirs`, SNAPSHOT, { metadata: { uuid: "theirs" } });
    await lab.clock.advance(TWO_HOURS_MS);
    await assert.rejects(rebuildIn(lab), (error) => isBackupError(error, "IDENTITY_MISMATCH"));
    assert.equal(lab.store.peek(`${CLUSTER}/cluster.json`), undefined);
  });

  it("refuses a folder that is signed otherwise than this node remembers", async () => {
    const lab = labOfRealSnapshot();
    await loseManifest(lab);
    await lab.clock.advance(TWO_HOURS_MS);
    lab.state.known.set(`m1 ${CLUSTER}`, "remembered");

    await assert.rejects(rebuildIn(lab), (error) => isBackupError(error, "IDENTITY_MISMATCH"));
  });
});

function flipped(): Buffer {
  const bytes = Buffer.from(SNAPSHOT);
  bytes.writeUInt8(bytes.readUInt8(9000) ^ 1, 9000);
  return bytes;
}
