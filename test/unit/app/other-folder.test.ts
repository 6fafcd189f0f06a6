import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openOtherFolder } from "../../../src/app/other-folder.ts";
import { isBackupError } from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryStore } from "../../support/memory-store.ts";

const clock = new FakeClock();

/** The URL of what is opened. */
function opened(from: string, bucket = "b"): string {
  const storeIn = bucket ? (folder: string) => new MemoryStore({ clock, id: `${bucket}:${folder}` }) : undefined;
  return openOtherFolder(from, { bucket, storeIn, workingDirectory: "/work", clock }).url("");
}

describe("openOtherFolder()", () => {
  for (const [from, url] of [
    ["k3s/prod", "memory://b:k3s/prod/"],
    ["s3://b/k3s", "memory://b:k3s/"],
    ["s3://b/", "memory://b:/"],
    ["s3://b", "memory://b:/"],
    ["/var/lib/snapshots", "file:///var/lib/snapshots/"],
    ["./snapshots", "file:///work/snapshots/"],
  ] as const) {
    it(`takes "${from}" for ${url}`, () => {
      assert.equal(opened(from), url);
    });
  }

  it("opens a directory where there is no bucket", () => {
    assert.equal(opened("/snapshots", ""), "file:///snapshots/");
  });

  it("refuses another bucket, and a folder of none", () => {
    assert.throws(
      () => opened("s3://other/k3s"),
      (error) => isBackupError(error, "USAGE"),
    );
    assert.throws(
      () => opened("k3s", ""),
      (error) => isBackupError(error, "USAGE"),
    );
  });
});
