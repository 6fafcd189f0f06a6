import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { type IndexedSnapshot, RevisionIndex } from "../../../src/bolt/stream-index.ts";
import { isBackupError } from "../../../src/errors.ts";
import { type BoltFileOptions, boltFile } from "./bolt-file.ts";

const plain: BoltFileOptions = { pageSize: 4096, valueSizes: Array(200).fill(50), firstRevision: 2n };

describe("RevisionIndex of real snapshots", () => {
  for (const { name, revision } of [
    { name: "etcd-3.4-fresh", revision: 1n },
    { name: "etcd-3.4-compacted", revision: 71n },
    { name: "etcd-3.5-few", revision: 61n },
    { name: "etcd-3.5-bigtail", revision: 68n },
  ]) {
    const snapshot = gunzipSync(readFileSync(new URL(`../../fixtures/snapshots/${name}.db.gz`, import.meta.url)));

    it(`finds revision ${revision} of ${name}, with and without the digest`, () => {
      const expected = { revision, storageVersion: "", dbSize: snapshot.length - 32 };
      assert.deepEqual(index(snapshot, [16_379]), expected);
      assert.deepEqual(index(snapshot.subarray(0, -32), [16_379]), expected);
    });
  }
});

describe("RevisionIndex of generated databases", () => {
  it("finds the revision in every layout, whatever the slices", () => {
    fc.assert(
      fc.property(layout, fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1 }), (options, slices) => {
        const file = boltFile(options);

        assert.deepEqual(index(file, slices), {
          revision: expectedRevision(options),
          storageVersion: options.storageVersion ?? "",
          dbSize: file.length,
        });
      }),
      { numRuns: 60 },
    );
  });

  it("finds the revision of a key that the end of a page cuts in two", () => {
    for (let size = 4000; size < 4100; size++) {
      const file = boltFile({ ...plain, valueSizes: [size, 5] });
      assert.equal(index(file, [1000]).revision, 3n, `value of ${size} bytes`);
    }
  });

  it("is not deceived by a value that looks like another page", () => {
    const file = boltFile({ ...plain, valueSizes: [20_000, 20_000] });
    const leaf = findPage(file, 2);
    const forged = boltFile({ ...plain, valueSizes: [1], firstRevision: 999n }).subarray(8192, 8192 + 4096);
    forged.copy(file, (leaf + 7) * 4096);
    file.writeBigUInt64LE(BigInt(leaf), (leaf + 7) * 4096);
    assert.equal(index(file, [4000]).revision, 3n);
  });

  it("takes the newer of the two meta pages", () => {
    const file = boltFile(plain);
    const [first, second] = [Buffer.from(file.subarray(0, 4096)), Buffer.from(file.subarray(4096, 8192))];
    assert.equal(index(Buffer.concat([second, first, file.subarray(8192)]), [700]).revision, 201n);
  });

  it("takes page 1 when page 0 is damaged, and finds the size of a page by it", () => {
    for (const pageSize of [4096, 65_536]) {
      for (const field of [16, 24, 32, 64]) {
        const file = boltFile({ ...plain, pageSize });
        file.copy(file, pageSize, 0, pageSize);
        file.fill(0xff, field, field + 4);
        assert.equal(index(file, [700]).revision, 201n, `field at ${field}`);
      }
    }
  });

  it("reads the slices of one byte each", () => {
    assert.equal(index(boltFile(plain), [1]).revision, 201n);
  });

  it("does not go back when everything was compacted", () => {
    assert.equal(index(boltFile({ ...plain, valueSizes: [], compactRevision: 24n }), [4096]).revision, 24n);
    assert.equal(index(boltFile({ ...plain, valueSizes: [] }), [4096]).revision, 1n);
  });
});

describe("RevisionIndex of what is no database", () => {
  it("finish() says SNAPSHOT_CORRUPT, and why", () => {
    const file = boltFile(plain);
    const circle = Buffer.from(file);
    const root = findPage(circle, 1);
    for (let at = 16; at < 16 + 16 * 64; at += 16) circle.writeBigUInt64LE(BigInt(root), root * 4096 + at + 8);
    const misnumbered = Buffer.from(file);
    misnumbered.writeBigUInt64LE(BigInt(root + 1), root * 4096);
    const nameless = boltFile({ ...plain, valueSizes: [1] });
    nameless.writeUInt8(0x2d, nameless.indexOf("_"));
    const cases: readonly (readonly [Buffer, RegExp])[] = [
      [Buffer.alloc(0), /no valid meta page/],
      [Buffer.alloc(200_000, 7), /no valid meta page/],
      [file.subarray(0, -4096), /bytes where its meta page tells of/],
      [file.subarray(0, -1), /bytes where its meta page tells of/],
      [Buffer.concat([file, Buffer.alloc(64)]), /bytes where its meta page tells of/],
      [circle, /form a circle/],
      [misnumbered, /neither branch nor leaf/],
      [nameless, /neither branch nor leaf/],
    ];
    for (const [bytes, why] of cases) {
      assert.throws(
        () => index(bytes, [5000]),
        (error) => isBackupError(error, "SNAPSHOT_CORRUPT") && why.test(error.message),
      );
    }
  });

  it("ends with a revision or with SNAPSHOT_CORRUPT whatever is damaged", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(layout, damage, (options, changes) => {
        const file = boltFile(options);
        // Headers and elements are what is read, so most of the damage goes there.
        for (const [at, value] of changes) file[(at * 4096 + (at % 64)) % file.length] = value;
        try {
          assert.equal(typeof index(file, [3000]).revision, "bigint");
        } catch (error) {
          if (!isBackupError(error, "SNAPSHOT_CORRUPT")) throw error;
        }
      }),
      { numRuns: 100 },
    );
  });
});

const layout: fc.Arbitrary<BoltFileOptions> = fc.record(
  {
    pageSize: fc.constantFrom(4096, 16_384),
    valueSizes: fc.oneof(
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 400 }),
      fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 12 }),
    ),
    firstRevision: fc.bigInt({ min: 1n, max: 2n ** 62n }),
    compactRevision: fc.bigInt({ min: 1n, max: 2n ** 62n }),
    storageVersion: fc.constantFrom("3.6.0", "3.7.0"),
    metaOnPage: fc.boolean(),
    rootOnBranch: fc.boolean(),
    stale: fc.boolean(),
  },
  { requiredKeys: ["pageSize", "valueSizes", "firstRevision"] },
);

function expectedRevision({ valueSizes, firstRevision, compactRevision = 1n }: BoltFileOptions): bigint {
  const last = valueSizes.length > 0 ? firstRevision + BigInt(valueSizes.length - 1) : 1n;
  return last > compactRevision ? last : compactRevision;
}

/** Writes `bytes` in slices of these sizes, over and over. */
function index(bytes: Uint8Array, slices: readonly number[]): IndexedSnapshot {
  const revisions = new RevisionIndex();
  for (let offset = 0, turn = 0; offset < bytes.length; turn++) {
    const end = offset + (slices[turn % slices.length] ?? 1);
    revisions.write(bytes.subarray(offset, end));
    offset = end;
  }
  return revisions.finish();
}

/** The number of the first page with these flags. */
function findPage(file: Buffer, flags: number): number {
  for (let page = 2; page * 4096 < file.length; page++) {
    if (file.readUInt16LE(page * 4096 + 8) === flags) return page;
  }
  return assert.fail("no such page");
}
