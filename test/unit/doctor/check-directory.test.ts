import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkDirectory } from "../../../src/doctor/check-directory.ts";
import type { DirectoryState } from "../../../src/ports/directory-probe.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { dead, never, rowsOf, troubles } from "./fakes.ts";

const clock = new FakeClock();
const STATE: DirectoryState = {
  path: "/backups",
  nearest: "/backups",
  mode: 0o700,
  isWritable: true,
  freeBytes: 200,
  keepBytes: 100,
};

function subjectOf(state: Partial<DirectoryState>, write = true) {
  const store = new MemoryStore({ clock });
  const probe = { look: async () => ({ ...STATE, ...state }) };
  return { probe, store, clock, cluster: "prod", write, newUuid: () => "u" };
}

describe("checkDirectory()", () => {
  it("finds nothing wrong with a good one, and leaves nothing in it", async () => {
    const subject = subjectOf({});
    const checks = await checkDirectory(subject, never);
    assert.deepEqual(troubles(checks), []);
    assert.match(rowsOf(checks)["write"] ?? "", /written, read back and removed/);
    assert.deepEqual(subject.store.keys, []);
  });

  it("writes nothing when it is told so", async () => {
    const subject = subjectOf({}, false);
    subject.store.fail({ method: "create", error: dead });
    assert.deepEqual(troubles(await checkDirectory(subject, never)), []);
  });

  const table: readonly (readonly [string, Partial<DirectoryState>, RegExp])[] = [
    ["path", { nearest: "/" }, /^warn: "\/backups" does not exist yet/],
    ["path", { nearest: "/", isWritable: false }, /^fail: .*cannot be made in "\/"/],
    ["write", { nearest: "/" }, /^pass: .*not tried/],
    ["write", { isWritable: false }, /^fail: Cannot write/],
    ["mode", { mode: 0o755 }, /^pass: 0755/],
    ["mode", { mode: 0o770 }, /^warn: mode 0770/],
    ["mode", { mode: 0o1777 }, /^pass/],
    ["mode", { mode: 0o777, nearest: "/" }, /^pass/],
    ["free space", { freeBytes: 101 }, /^pass/],
    ["free space", { freeBytes: 100 }, /^fail/],
  ];
  for (const [name, state, says] of table) {
    it(`judges ${name} with ${JSON.stringify(state)}`, async () => {
      assert.match(rowsOf(await checkDirectory(subjectOf(state), never))[name] ?? "", says);
    });
  }

  it("fails once when the directory cannot be looked at", async () => {
    const probe = { look: () => Promise.reject(dead) };
    const checks = await checkDirectory({ ...subjectOf({}), probe }, never);
    assert.deepEqual(troubles(checks), ["fail path", "warn others"]);
  });

  it("removes the file also when it cannot be read back", async () => {
    const subject = subjectOf({});
    subject.store.fail({ method: "get", error: dead });
    assert.deepEqual(troubles(await checkDirectory(subject, never)), ["fail write"]);
    assert.deepEqual(subject.store.keys, []);
  });
});
