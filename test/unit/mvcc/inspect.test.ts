import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openDatabase } from "../../../src/bolt/database.ts";
import { hashKv, inspectDatabase } from "../../../src/mvcc/inspect.ts";
import { memorySource, snapshotFixture } from "./memory-source.ts";

const { signal } = new AbortController();

describe("inspectDatabase() of real snapshots", () => {
  // As stock `snapshot status` of the same version says.
  for (const { name, status, revision, compactRevision, liveKeys } of [
    {
      name: "etcd-3.4-fresh",
      status: { hash: 1905017833, revision: 0, totalKey: 3, totalSize: 20480, version: "" },
      revision: 1n,
      compactRevision: -1n,
      liveKeys: 0,
    },
    {
      name: "etcd-3.4-compacted",
      status: { hash: 1094915885, revision: 0, totalKey: 6, totalSize: 3350528, version: "" },
      revision: 71n,
      compactRevision: 71n,
      liveKeys: 0,
    },
    {
      name: "etcd-3.5-few",
      status: { hash: 3210705747, revision: 61, totalKey: 66, totalSize: 40960, version: "" },
      revision: 61n,
      compactRevision: -1n,
      liveKeys: 60,
    },
    {
      name: "etcd-3.5-bigtail",
      status: { hash: 2394378134, revision: 68, totalKey: 73, totalSize: 2748416, version: "" },
      revision: 68n,
      compactRevision: -1n,
      liveKeys: 67,
    },
  ]) {
    it(`says of ${name} what stock \`snapshot status\` says, and finds nothing wrong`, async () => {
      const db = await openDatabase(memorySource(snapshotFixture(name)), signal);
      assert.ok(typeof db === "object");
      const inspection = await inspectDatabase(db, signal);

      assert.deepEqual(inspection.findings, []);
      assert.deepEqual(inspection.status, status);
      assert.equal(inspection.revision, revision);
      assert.equal(inspection.compactRevision, compactRevision);
      assert.equal(inspection.liveKeys, liveKeys);
      assert.equal(inspection.hashKv, await hashKv(db, { revision, compactRevision }, signal));
    });
  }
});
