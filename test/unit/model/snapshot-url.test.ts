import assert from "node:assert/strict";
import { test } from "node:test";
import { isBackupError } from "../../../src/errors.ts";
import { nameOfFile, parseSnapshotUrl } from "../../../src/model/snapshot-url.ts";

for (const [url, parsed] of [
  ["s3://b/prod/snapshots/N", { bucket: "b", folder: "", key: "prod/snapshots/N", file: "N", cluster: "prod" }],
  [
    "s3://b/x/y/prod/snapshots/N.zst",
    { bucket: "b", folder: "x/y", key: "prod/snapshots/N.zst", file: "N.zst", cluster: "prod" },
  ],
  [
    "s3://b/k3s/etcd-snapshot-1",
    { bucket: "b", folder: "k3s", key: "etcd-snapshot-1", file: "etcd-snapshot-1", cluster: undefined },
  ],
  ["s3://b/snapshots/N", { bucket: "b", folder: "snapshots", key: "N", file: "N", cluster: undefined }],
  ["s3://b/N", { bucket: "b", folder: "", key: "N", file: "N", cluster: undefined }],
] as const) {
  test(`parseSnapshotUrl() takes ${url} apart`, () => {
    assert.deepEqual(parseSnapshotUrl(url), parsed);
  });
}

for (const url of ["s3://b", "s3://b/", "s3://b/prod/snapshots/", "s3:///N", "s3://b//N", "https://b/N"]) {
  test(`parseSnapshotUrl() refuses ${url}`, () => {
    assert.throws(
      () => parseSnapshotUrl(url),
      (error) => isBackupError(error, "USAGE") && /--latest with --s3-bucket/.test(error.hint ?? ""),
    );
  });
}

test("nameOfFile() takes the suffix of a compression off, and no other", () => {
  assert.deepEqual(nameOfFile("N.zst"), { name: "N", encoding: ["zstd"] });
  assert.deepEqual(nameOfFile("N.gz"), { name: "N", encoding: ["gzip"] });
  assert.deepEqual(nameOfFile("N.db"), { name: "N.db", encoding: [] });
  assert.deepEqual(nameOfFile(".gz"), { name: ".gz", encoding: [] });
});
