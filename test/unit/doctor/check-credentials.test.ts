import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CredentialsSubject, checkCredentials } from "../../../src/doctor/check-credentials.ts";
import { isMountPoint } from "../../../src/doctor/mount-points.ts";
import { BackupError } from "../../../src/errors.ts";
import type { CredentialsDescription, Identity } from "../../../src/ports/credentials.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { fakeCredentials, hintOf, never, rowsOf, troubles } from "./fakes.ts";

const FILE = "/root/.aws/credentials";
const HOUR = 3_600_000;
const clock = new FakeClock();

function subject(given: Partial<CredentialsSubject> = {}): CredentialsSubject {
  return {
    source: fakeCredentials(),
    clock,
    warnings: () => [],
    files: [FILE],
    copiesDirectory: "",
    mountinfo: () => "",
    ...given,
  };
}

describe("checkCredentials()", () => {
  it("names source, profile and the key's tail, and never the key", async () => {
    const checks = await checkCredentials(subject({ source: fakeCredentials({ profile: "backup" }) }), never);
    assert.equal(rowsOf(checks)["source"], `pass: key …TAIL from ${FILE}, profile "backup"`);
    assert.deepEqual(troubles(checks), []);
    assert.doesNotMatch(JSON.stringify(checks), /AKIDTAIL|s3cr3t/);
  });

  it("fails once when there are none", async () => {
    const none = new BackupError("CREDENTIALS_MISSING", "Cannot find credentials", { hint: "Write some" });
    const source = { ...fakeCredentials(), current: () => Promise.reject(none), describe: () => undefined };
    const checks = await checkCredentials(subject({ source }), never);
    assert.deepEqual(troubles(checks).toSorted(), ["fail source", "warn others"]);
    assert.equal(hintOf(checks, "source"), "Write some");
  });

  it("says nothing of the mode of files that the credentials do not come from", async () => {
    const checks = await checkCredentials(
      subject({ source: fakeCredentials({ layer: "environment", source: "environment" }) }),
      never,
    );
    assert.equal(rowsOf(checks)["mode"], undefined);
    assert.match(rowsOf(checks)["rotation"] ?? "", /restart alone/);
  });

  const expiries: readonly (readonly [Partial<CredentialsDescription>, Partial<Identity>, RegExp])[] = [
    [{}, {}, /^pass: none/],
    [{ layer: "config", expiresAt: clock.now() + HOUR }, {}, /^pass: 2026/],
    [{ layer: "config", expiresAt: clock.now() + HOUR - 1 }, {}, /^warn: .*less than an hour/],
    [{ layer: "instance", expiresAt: clock.now() + 60_000 }, {}, /^pass: .*renewed/],
    [{ layer: "environment" }, { sessionToken: "t" }, /^warn: .*nothing can replace/],
    [{ layer: "sharedFile" }, { sessionToken: "t" }, /^pass: .*used at once/],
  ];
  for (const [description, identity, says] of expiries) {
    const what = `${JSON.stringify(description)} ${identity.sessionToken ? "with a session token" : ""}`;
    it(`judges the expiry of ${what}`, async () => {
      const checks = await checkCredentials(subject({ source: fakeCredentials(description, identity) }), never);
      assert.match(rowsOf(checks)["expiry"] ?? "", says);
    });
  }

  it("warns of a copy that systemd made, which no rotation reaches", async () => {
    const path = "/run/credentials/etcd-ark.service/aws";
    const given = { source: fakeCredentials({ source: path }), files: [path] };
    const copied = await checkCredentials(
      subject({ ...given, copiesDirectory: "/run/credentials/etcd-ark.service" }),
      never,
    );
    assert.match(rowsOf(copied)["rotation"] ?? "", /^warn: .*copy that systemd made/);
    const elsewhere = await checkCredentials(subject({ ...given, copiesDirectory: "/run/credentials/other" }), never);
    assert.match(rowsOf(elsewhere)["rotation"] ?? "", /^pass/);
  });

  it("warns of a file that is mounted by itself, and not of one in a mounted directory", async () => {
    const line = (at: string) => `36 35 98:0 /x ${at} rw,noatime master:1 - ext4 /dev/root rw`;
    const mounted = await checkCredentials(subject({ mountinfo: () => `${line("/")}\n${line(FILE)}\n` }), never);
    assert.match(rowsOf(mounted)["rotation"] ?? "", /^warn: .*single file/);
    const below = await checkCredentials(subject({ mountinfo: () => line("/root/.aws") }), never);
    assert.match(rowsOf(below)["rotation"] ?? "", /^pass/);
  });

  it("warns of a file that others may read, and of sources without effect", async () => {
    const warnings = () => [
      { message: "credentials can be read by other users", fields: { path: FILE, hint: `Run "chmod 600 ${FILE}"` } },
      { message: "several sources of credentials are configured", fields: { used: "A", ignored: "B" } },
    ];
    const checks = await checkCredentials(subject({ warnings }), never);
    assert.deepEqual(troubles(checks), ["warn mode", "warn sources"]);
    assert.equal(hintOf(checks, "mode"), `Run "chmod 600 ${FILE}"`);
    assert.match(rowsOf(checks)["sources"] ?? "", /configured: used A, ignored B$/);
  });

  it("gives up on who gives none within 15 s", async () => {
    const time = new FakeClock();
    const source = { ...fakeCredentials(), current: () => new Promise<Identity>(() => undefined) };
    const checking = checkCredentials(subject({ clock: time, source }), never);
    await time.advance(15_000);
    assert.match(rowsOf(await checking)["source"] ?? "", /^fail: .*15 s/);
  });
});

describe("isMountPoint()", () => {
  it("reads the octal digits that stand for a space", () => {
    assert.ok(isMountPoint("36 35 98:0 / /mnt/my\\040keys rw - ext4 /dev/x rw", "/mnt/my keys"));
    assert.ok(!isMountPoint("", "/mnt/my keys"));
  });
});
