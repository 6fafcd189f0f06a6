import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { openDatabase } from "../../../src/bolt/database.ts";
import { inspected } from "../mvcc/inspected.ts";
import { memorySource, snapshotFixture } from "../mvcc/memory-source.ts";
import { ModelStore } from "../mvcc/model-store.ts";
import { metaPage } from "./bolt-file.ts";

const { signal } = new AbortController();
const snapshot = snapshotFixture("etcd-3.4-fresh");
const database = snapshot.subarray(0, -32);

async function open(bytes: Uint8Array) {
  return await openDatabase(memorySource(bytes), signal);
}

describe("openDatabase()", () => {
  for (const { what, bytes, why } of [
    { what: "nothing", bytes: Buffer.alloc(0), why: "it is empty" },
    { what: "text", bytes: Buffer.from("key: value"), why: "it has no valid meta page, so it is no bbolt database" },
    { what: "zeros", bytes: Buffer.alloc(200_000), why: "it has no valid meta page, so it is no bbolt database" },
    { what: "a zip archive", bytes: Buffer.from("PK\x03\x04 and more"), why: "it is compressed with zip" },
    { what: "gzip", bytes: gzipSync(snapshot), why: "it is compressed with gzip" },
    { what: "zstd", bytes: zstdCompressSync(snapshot), why: "it is compressed with zstd" },
  ]) {
    it(`says of ${what} what it is`, async () => {
      assert.equal(await open(bytes), why);
    });
  }

  it("finds the digest where there is one", async () => {
    const [whole, raw] = [await open(snapshot), await open(database)];
    assert.ok(typeof whole === "object" && typeof raw === "object");
    assert.deepEqual([whole.hasTrailer, raw.hasTrailer], [true, false]);
  });

  it("refuses a snapshot that is cut short anywhere, but for the whole digest", async () => {
    for (let size = 0; size < snapshot.length; size += size % 4096 < 100 || size % 4096 > 4000 ? 1 : 131) {
      const db = await open(snapshot.subarray(0, size));
      assert.equal(typeof db, size === database.length ? "object" : "string", `${size} bytes`);
    }
  });

  it("takes a member's file, which is longer than its database by unused pages", async () => {
    const file = Buffer.concat([database, Buffer.alloc(3 * 4096)]);
    const db = await open(file);
    assert.ok(typeof db === "object" && !db.hasTrailer);
    assert.deepEqual((await inspected(file)).findings, []);
  });

  it("refuses a database with something behind it that is neither a digest nor unused pages", async () => {
    const pages = Buffer.concat([database, Buffer.alloc(4096), snapshot.subarray(-32)]);
    for (const file of [pages, Buffer.concat([snapshot, Buffer.alloc(1)]), Buffer.concat([snapshot, snapshot])]) {
      assert.match(String(await open(file)), /what follows is no digest and no whole pages/);
    }
  });

  it("takes meta page 1 when meta page 0 is torn, whatever the size of a page", async () => {
    for (const pageSize of [4096, 8192, 16_384, 32_768, 65_536]) {
      const store = new ModelStore();
      store.commit([{ put: "a" }]);
      const file = store.file(pageSize);
      file.copy(file, pageSize + 16, 16, pageSize);
      file.fill(0xff, 30, 34);
      assert.equal((await inspected(file)).revision, 2n, `pages of ${pageSize} bytes`);
    }
  });

  it("refuses a database with both meta pages torn", async () => {
    const file = Buffer.from(database);
    file.fill(0xff, 30, 34);
    file.fill(0xff, 4096 + 30, 4096 + 34);
    assert.match(String(await open(file)), /no valid meta page/);
  });

  it("takes the meta page of the newer transaction, whichever comes first", async () => {
    const [first, second] = [database.subarray(0, 4096), database.subarray(4096, 8192)];
    const db = await open(database);
    const swapped = await open(Buffer.concat([second, first, database.subarray(8192)]));
    assert.ok(typeof db === "object" && typeof swapped === "object");
    const [older = 0n, newer] = [first.readBigUInt64LE(64), second.readBigUInt64LE(64)].sort((a, b) => Number(a - b));
    assert.ok(newer !== undefined && newer > older);
    assert.deepEqual([db.transaction, swapped.transaction], [newer, newer]);
  });

  it("is not deceived by a value that looks like a meta page of another size", async () => {
    const file = Buffer.from(database);
    metaPage(8192, { root: 0, pageCount: 1, transaction: 2n ** 60n }).copy(file, 8192, 0, 4096);
    const db = await open(file);
    assert.ok(typeof db === "object");
    assert.equal(db.pageSize, 4096);
  });

  it("refuses a database of less than three pages", async () => {
    const file = metaPage(4096, { root: 0, pageCount: 0, transaction: 1n });
    assert.match(String(await open(file)), /tells of 0 pages/);
  });

  it("refuses gigantic sizes without reading them", async () => {
    const source = memorySource(Buffer.concat([metaPage(4096, { root: 3, pageCount: 2 ** 52, transaction: 1n })]));
    assert.match(String(await openDatabase(source, signal)), /cut short/);
    assert.equal(source.reads.bytes, 4096);
  });
});
