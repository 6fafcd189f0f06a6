import assert from "node:assert/strict";
import { test } from "node:test";
import { etcdMinor, isOlderMinor } from "../../../src/model/etcd-version.ts";

test("isOlderMinor() compares the first two numbers as numbers", () => {
  assert.equal(isOlderMinor("3.5.30", "3.6.0"), true);
  assert.equal(isOlderMinor("3.9.0", "3.10.0"), true);
  assert.equal(isOlderMinor("2.9", "3.0"), true);
  assert.equal(isOlderMinor("3.5.1", "3.5.30"), false);
  assert.equal(isOlderMinor("3.6.0", "3.5.30"), false);
  assert.equal(isOlderMinor("4.0.0", "3.9.0"), false);
});

test("isOlderMinor() says nothing of what is no version", () => {
  assert.equal(isOlderMinor("3.5.1", ""), false);
  assert.equal(isOlderMinor("Not provided", "3.6.0"), false);
});

test("etcdMinor() takes a version with and without a v", () => {
  assert.deepEqual(etcdMinor("v3.6.0-rc.1"), { major: 3, minor: 6 });
  assert.equal(etcdMinor("35.x"), undefined);
});
