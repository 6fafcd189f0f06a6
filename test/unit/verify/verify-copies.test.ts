import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BackupError } from "../../../src/errors.ts";
import { LEVELS, type Level } from "../../../src/model/check-record.ts";
import type { Manifest } from "../../../src/model/manifest.ts";
import { askSource } from "../../../src/verify/live-hash.ts";
import { type Copy, chooseSample, verifyCopy } from "../../../src/verify/verify-copies.ts";
import { verifySample } from "../../../src/verify/verify-sample.ts";
import { type BackupLab, CLUSTER } from "../../support/backup-lab.ts";
import { copyOf, labOfRealSnapshot, verifyContextOf } from "./verify-lab.ts";

/** Of the fixture; `test/integration` compares ours with live members. */
const HASH_KV = 2737368784;

async function check(lab: BackupLab, copy: Copy, level: Level, live = false) {
  const askHash = live ? askSource(lab.source) : undefined;
  return await verifyCopy(verifyContextOf(lab), { copy, options: { level, askHash } }, lab.never);
}

/** The codes of what a check finds once `harm` was done to the snapshot. */
async function codesAfter(harm: (lab: BackupLab, key: string) => void, level: Level = "full"): Promise<string[]> {
  const lab = labOfRealSnapshot();
  const copy = await copyOf(lab);
  harm(lab, `${CLUSTER}/snapshots/${copy.entry.name}`);
  const { verification } = await check(lab, copy, level);
  return verification.findings.map(({ code }) => code);
}

function flip(lab: BackupLab, key: string, offset: number): void {
  const body = Buffer.from(lab.store.peek(key) ?? "");
  body.writeUInt8(body.readUInt8(offset) ^ 1, offset);
  lab.store.put(key, body);
}

function withManifest({ destination, entry }: Copy, changes: Partial<Manifest>): Copy {
  return { destination, entry: { ...entry, manifest: { ...entry.manifest, ...changes } } };
}

describe("verifyCopy()", () => {
  for (const level of LEVELS) {
    it(`finds nothing wrong with a whole snapshot at level "${level}", and keeps that beside it`, async () => {
      const lab = labOfRealSnapshot();
      const copy = await copyOf(lab);

      const { verification, mark } = await check(lab, copy, level);

      assert.deepEqual(verification.findings, []);
      const [listed] = (await lab.destination.catalog.list(lab.never)).entries;
      assert.deepEqual(listed?.check, { level, passed: true, at: lab.clock.now() });
      assert.deepEqual(listed?.check, mark);
    });
  }

  it("gives the figures by the names of stock `snapshot status`, in the record too", async () => {
    const lab = labOfRealSnapshot();
    const copy = await copyOf(lab);
    const { verification } = await check(lab, copy, "structure");
    const status = { hash: 3210705747, revision: 61, totalKey: 66, totalSize: 40960, version: "" };

    assert.deepEqual(verification.inspection?.status, status);
    const key = lab.store.keys.find((each) => each.includes("/checks/")) ?? "";
    const { hash, revision, totalKey, totalSize, version, hashKv } = JSON.parse(
      Buffer.from(lab.store.peek(key) ?? "").toString(),
    );
    assert.deepEqual({ hash, revision, totalKey, totalSize, version }, status);
    assert.equal(hashKv, HASH_KV);
  });

  for (const { compression, where } of [
    { compression: { algorithm: "zstd", level: undefined }, where: "a scratch file" },
    { compression: { algorithm: "none" }, where: "the store itself" },
  ] as const) {
    it(`reads a snapshot that is too large for memory from ${where}`, async () => {
      const lab = labOfRealSnapshot({ compression });
      const copy = await copyOf(lab);
      const context = { ...verifyContextOf(lab), inMemoryBytes: 0 };
      const options = { level: "full", askHash: undefined } as const;

      const { verification } = await verifyCopy(context, { copy, options }, lab.never);

      assert.deepEqual(verification.findings, []);
      assert.equal(verification.inspection?.hashKv, HASH_KV);
    });
  }

  it("finds an object that is gone, at every level", async () => {
    for (const level of LEVELS) {
      assert.deepEqual(await codesAfter((lab, key) => lab.store.lose(key), level), ["MISSING"]);
    }
  });

  it("finds an object of another size, at every level", async () => {
    const cut = (lab: BackupLab, key: string): void => {
      lab.store.put(key, Buffer.from(lab.store.peek(key) ?? "").subarray(0, -32));
    };
    for (const level of LEVELS) assert.deepEqual(await codesAfter(cut, level), ["SIZE"]);
  });

  it("finds a flipped bit, but not at level stored, which reads no bytes", async () => {
    assert.deepEqual(await codesAfter((lab, key) => flip(lab, key, 9000), "stored"), []);
    for (const level of ["digest", "structure", "full"] as const) {
      assert.deepEqual(await codesAfter((lab, key) => flip(lab, key, 9000), level), ["DIGEST"]);
    }
  });

  it("finds an object that was replaced by another whole snapshot of the same size", async () => {
    const lab = labOfRealSnapshot();
    const copy = await copyOf(lab);
    const doctored = withManifest(copy, { sha256: "0".repeat(64), storedSha256: "1".repeat(64) });

    assert.deepEqual(
      (await check(lab, doctored, "digest")).verification.findings.map(({ code }) => code),
      ["DIGEST"],
    );
  });

  it("finds a manifest that says another revision, size, storage version or number of keys", async () => {
    for (const change of [{ revision: "60" }, { dbSize: 40_961 }, { storageVersion: "3.6.0" }, { liveKeys: 59 }]) {
      const lab = labOfRealSnapshot();
      const { verification } = await check(lab, withManifest(await copyOf(lab), change), "structure");
      assert.deepEqual(
        verification.findings.map(({ code }) => code),
        ["MANIFEST"],
      );
    }
  });

  it("finds a hash of all rows that is not the one of an earlier check, at level full", async () => {
    const lab = labOfRealSnapshot();
    const copy = await copyOf(lab);
    const { mark } = await check(lab, copy, "full");
    const key = lab.store.keys.find((each) => each.includes("/checks/")) ?? "";
    lab.store.put(key, Buffer.from(JSON.stringify({ level: mark.level, passed: true, hash: 1 })));
    await lab.clock.advance(1000);

    const { verification } = await check(lab, copy, "full");

    assert.deepEqual(
      verification.findings.map(({ code }) => code),
      ["STATUS"],
    );
  });

  it("finds a lock that is shorter than the manifest says", async () => {
    const lab = labOfRealSnapshot();
    const until = "2199-01-01T00:00:00.000Z";
    const copy = withManifest(await copyOf(lab), { lock: { mode: "GOVERNANCE", until } });

    assert.deepEqual(
      (await check(lab, copy, "stored")).verification.findings.map(({ code }) => code),
      ["LOCK"],
    );
  });

  it("keeps nothing when the snapshot could not be looked at", async () => {
    const lab = labOfRealSnapshot();
    const copy = await copyOf(lab);
    lab.store.fail({ method: "head", error: new BackupError("STORE_UNAVAILABLE", "Cannot reach"), times: 1 });

    await assert.rejects(check(lab, copy, "full"), /Cannot reach/);

    assert.ok(!lab.store.keys.some((key) => key.includes("/checks/")));
  });
});

describe("verifyCopy() with a live member", () => {
  it("passes when the member has the same HashKV, and finds it when not", async () => {
    const lab = labOfRealSnapshot();
    const copy = await copyOf(lab);
    lab.source.spaceHash = { hash: HASH_KV, compactRevision: -1n };
    assert.deepEqual((await check(lab, copy, "full", true)).verification.findings, []);
    lab.source.spaceHash = { hash: HASH_KV + 1, compactRevision: -1n };
    await lab.clock.advance(1000);

    const { verification } = await check(lab, copy, "full", true);

    assert.deepEqual(
      verification.findings.map(({ code }) => code),
      ["HASHKV"],
    );
  });

  it("says so when the member has compacted the revision, and passes", async () => {
    const lab = labOfRealSnapshot();
    const copy = await copyOf(lab);
    lab.source.hashKv = async () => {
      throw new BackupError("ETCD_REFUSED", "Cannot ask: required revision has been compacted");
    };

    const { verification } = await check(lab, copy, "full", true);

    assert.deepEqual(verification.findings, []);
    assert.match(verification.live?.incomparable ?? "", /compacted/);
  });
});

describe("chooseSample()", () => {
  it("takes the newest, and then those whose last check is longest ago", async () => {
    const lab = labOfRealSnapshot();
    const copies: Copy[] = [];
    for (let index = 0; index < 4; index++) {
      copies.push(await copyOf(lab));
      await lab.clock.advance(3_600_000);
    }
    const [first, second, third, newest] = copies;
    if (!first || !second || !third || !newest) throw new Error("four were taken");
    await check(lab, first, "digest");
    const { entries } = await lab.destination.catalog.list(lab.never);

    const chosen = chooseSample(lab.destination, { entries, sample: 2 }).map(({ entry }) => entry.name);

    assert.deepEqual(
      chosen,
      [newest, second, third].map(({ entry }) => entry.name),
    );
  });
});

describe("verifySample()", () => {
  it("tells of each copy it looked at, and goes on when a store cannot be listed", async () => {
    const lab = labOfRealSnapshot({ stores: 2 });
    const { name } = await lab.manifest();
    lab.stores[0]?.fail({ method: "list", error: new BackupError("STORE_UNAVAILABLE", "Cannot reach"), times: 9 });
    const { telemetry, context } = lab;

    await verifySample(
      verifyContextOf(lab),
      { destinations: context.destinations, level: "full", sample: 3, telemetry },
      lab.never,
    );

    const [told] = telemetry.of("verifyFinished");
    assert.deepEqual([told.snapshot, told.passed, told.level], [name, true, "full"]);
    assert.equal(telemetry.of("warning").length, 1);
  });
});
