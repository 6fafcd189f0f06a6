import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BoltPages, bucket, leaf, revisionKey } from "../bolt/bolt-file.ts";
import { findingsOf, inspected } from "./inspected.ts";

function fileWith(rows: Readonly<Record<string, Buffer>>): Buffer {
  const pages = new BoltPages({ pageSize: 4096 });
  const items = Object.entries(rows).map(([key, value]) => ({ key: Buffer.from(key), value }));
  const buckets = { key: leaf([]), meta: leaf(items) };
  const entries = Object.entries(buckets).map(([name, page]) => ({
    key: Buffer.from(name),
    value: bucket(0, page),
    flags: 1,
  }));
  return pages.file(pages.page(leaf(entries)));
}

describe("inspectDatabase() of bucket meta", () => {
  it("finds nothing wrong with the rows that etcd writes, and with others", async () => {
    const rows = {
      confState: Buffer.from("{}"),
      consistent_index: Buffer.alloc(8),
      finishedCompactRev: revisionKey(7n),
      scheduledCompactRev: revisionKey(9n),
      storageVersion: Buffer.from("3.6.0"),
      term: Buffer.alloc(8),
    };
    const { findings, compactRevision, status } = await inspected(fileWith(rows));
    assert.deepEqual(
      { findings, compactRevision, version: status.version },
      { findings: [], compactRevision: 9n, version: "3.6.0" },
    );
  });

  for (const [name, value] of [
    ["consistent_index", Buffer.alloc(7)],
    ["term", Buffer.alloc(9)],
    ["scheduledCompactRev", Buffer.alloc(17)],
    ["finishedCompactRev", Buffer.concat([revisionKey(7n), Buffer.from("t")])],
  ] as const) {
    it(`reports a ${name} of another form`, async () => {
      assert.deepEqual(await findingsOf(fileWith({ [name]: value })), [
        `ROWS row "${name}" of bucket "meta" has another form`,
      ]);
    });
  }
});
