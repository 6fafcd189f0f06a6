import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { examine } from "../../../src/rebuild/examine.ts";
import { BackupLab } from "../../support/backup-lab.ts";
import { snapshotFixture } from "../mvcc/memory-source.ts";
import { verifyContextOf } from "../verify/verify-lab.ts";

const SNAPSHOT = snapshotFixture("etcd-3.5-few");

async function codesOf(bytes: Buffer, encoding: readonly string[] = [], inMemoryBytes = 2 ** 20): Promise<string[]> {
  const lab = new BackupLab();
  const { size } = lab.store.put("object", bytes);
  const context = { ...verifyContextOf(lab), inMemoryBytes };
  const examined = await examine(context, { store: lab.store, key: "object", size, encoding }, lab.never);
  return examined.findings.map(({ code }) => code);
}

/** A bit of a value, of which no page and no row tells. */
function changedValue(): Buffer {
  const bytes = new BackupLab().source.snapshot();
  const at = bytes.indexOf("key-5key-5");
  assert.ok(at > 0);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return bytes;
}

describe("examine()", () => {
  it("finds nothing wrong with a whole snapshot, in memory or in the store, raw or compressed", async () => {
    assert.deepEqual(await codesOf(SNAPSHOT), []);
    assert.deepEqual(await codesOf(SNAPSHOT, [], 0), []);
    assert.deepEqual(await codesOf(zstdCompressSync(SNAPSHOT), ["zstd"]), []);
    assert.deepEqual(await codesOf(gzipSync(SNAPSHOT), ["gzip"]), []);
  });

  it("finds a value that was changed", async () => assert.deepEqual(await codesOf(changedValue()), ["DIGEST"]));

  it("finds what is no snapshot, and what is no whole stream of its compression", async () => {
    assert.deepEqual(await codesOf(Buffer.from("hello")), ["FORMAT", "DIGEST"]);
    assert.deepEqual(await codesOf(zstdCompressSync(SNAPSHOT).subarray(0, 500), ["zstd"]), ["FORMAT"]);
  });
});
