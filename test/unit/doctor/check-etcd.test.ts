import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkEtcd } from "../../../src/doctor/check-etcd.ts";
import { lossyWatchOf } from "../../../src/doctor/watch-bugs.ts";
import { BackupError } from "../../../src/errors.ts";
import type { EtcdProbe, MemberStatus } from "../../../src/ports/etcd-probe.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { fakeEtcd, hintOf, never, rowsOf, status, troubles } from "./fakes.ts";

const clock = new FakeClock();
const [A, B] = ["http://a:2379", "http://b:2379"] as const;
const DAY = 86_400_000;
const MIB = 2 ** 20;
const down = new BackupError("ETCD_UNAVAILABLE", "Cannot connect: refused", { hint: "Start it" });

const check = (statuses: Readonly<Record<string, MemberStatus | BackupError>>, overrides: Partial<EtcdProbe> = {}) =>
  checkEtcd({ probe: fakeEtcd(statuses, overrides), clock }, never);

describe("checkEtcd()", () => {
  it("finds nothing wrong with a healthy cluster, and asks for no user that is not configured", async () => {
    const roles = () => Promise.reject(down);
    const checks = await check({ [A]: status(A), [B]: status(B, { member: { isLeader: false } }) }, { roles });
    assert.deepEqual(troubles(checks), []);
    assert.match(rowsOf(checks)[A] ?? "", /3\.5\.21, leader/);
    assert.match(rowsOf(checks)[B] ?? "", /follower/);
  });

  it("fails for each endpoint that does not answer, and goes by the others", async () => {
    const checks = await check({ [A]: down, [B]: status(B) });
    assert.deepEqual(troubles(checks), [`fail ${A}`]);
    assert.equal(hintOf(checks, A), "Start it");
    assert.equal(rowsOf(checks)["quorum"], "pass: a linearizable read was answered");
  });

  it("asks no more when none answers", async () => {
    const checks = await check({ [A]: down });
    assert.deepEqual(troubles(checks), [`fail ${A}`, "warn others"]);
    assert.match(rowsOf(checks)["others"] ?? "", /not tried: cluster, version, role, alarms, quorum/);
  });

  const findings: readonly (readonly [string, string, Readonly<Record<string, MemberStatus>>, RegExp])[] = [
    [
      "a version whose watches lose events",
      "version",
      { [A]: status(A, { member: { etcdVersion: "3.5.17" } }) },
      /^warn: 3\.5\.17/,
    ],
    ["a learner beside a voter", "role", { [A]: status(A), [B]: status(B, { isLearner: true }) }, /^warn: "http:\/\/b/],
    ["a learner alone", "role", { [A]: status(A, { isLearner: true }) }, /^fail/],
    ["NOSPACE", "alarms", { [A]: status(A, { member: { alarms: ["NOSPACE"] } }) }, /^warn: NOSPACE/],
    ["CORRUPT", "alarms", { [A]: status(A, { member: { alarms: ["NOSPACE", "CORRUPT"] } }) }, /^fail: CORRUPT/],
    ["two clusters", "cluster", { [A]: status(A), [B]: status(B, { member: { clusterId: "beef" } }) }, /^fail/],
    [
      "a follower 1,000 entries behind",
      "raft lag",
      { [A]: status(A), [B]: status(B, { appliedIndex: 4000 }) },
      /^pass/,
    ],
    [
      "one more",
      "raft lag",
      { [A]: status(A), [B]: status(B, { appliedIndex: 3999 }) },
      /^warn: behind: "http:\/\/b:2379" by 1001/,
    ],
    [
      "half of the database free",
      "database size",
      { [A]: status(A, { member: { dbSize: 100 * MIB, dbSizeInUse: 50 * MIB } }) },
      /^pass/,
    ],
    [
      "more than half of it free",
      "database size",
      { [A]: status(A, { member: { dbSize: 100 * MIB, dbSizeInUse: 49 * MIB } }) },
      /^warn: 100 MiB.*49 MiB/,
    ],
    [
      "a small database",
      "database size",
      { [A]: status(A, { member: { dbSize: 10 * MIB, dbSizeInUse: MIB } }) },
      /^pass/,
    ],
    [
      "a server that does not say what is in use",
      "database size",
      { [A]: status(A, { member: { dbSize: 100 * MIB, dbSizeInUse: 0 } }) },
      /^pass/,
    ],
  ];
  for (const [what, name, statuses, says] of findings) {
    it(`judges ${what}`, async () => assert.match(rowsOf(await check(statuses))[name] ?? "", says));
  }

  it("reads through one member that can when another cannot", async () => {
    const confirm = async (endpoint: string) => {
      if (endpoint === A) throw down;
    };
    const checks = await check({ [A]: status(A), [B]: status(B) }, { confirm });
    assert.deepEqual(troubles(checks), []);
  });

  it("fails without a quorum, with what etcd said", async () => {
    const checks = await check({ [A]: status(A) }, { confirm: () => Promise.reject(down) });
    assert.equal(rowsOf(checks)["quorum"], "fail: Cannot connect: refused");
  });

  it("does not read through learners", async () => {
    const confirm = () => Promise.reject(new Error("asked"));
    const checks = await check({ [A]: status(A, { isLearner: true }) }, { confirm });
    assert.deepEqual(troubles(checks).toSorted(), ["fail role", "warn others"]);
  });

  const users: readonly (readonly [string, Partial<EtcdProbe>, RegExp])[] = [
    ["root", { roles: async () => ["root"] }, /^pass/],
    ["a user without the root role", { roles: async () => ["reader"] }, /^fail: "u" has not the root role/],
    ["one that is not known, where authentication is off", { roles: () => Promise.reject(down) }, /^warn/],
  ];
  for (const [what, overrides, says] of users) {
    it(`judges ${what}`, async () => {
      const checks = await check({ [A]: status(A) }, { username: "u", ...overrides });
      assert.match(rowsOf(checks)["user"] ?? "", says);
    });
  }

  const certificates: readonly (readonly [number, RegExp])[] = [
    [30 * DAY, /^pass/],
    [30 * DAY - 1, /^warn: .*in 29 days/],
    [0, /^fail: .*expired/],
  ];
  for (const [leftMs, says] of certificates) {
    it(`judges a certificate with ${leftMs / DAY} days left`, async () => {
      const certificate = async () => ({ path: "/c.crt", notAfter: clock.now() + leftMs });
      assert.match(rowsOf(await check({ [A]: status(A) }, { certificate }))["certificate"] ?? "", says);
    });
  }

  it("fails once for a certificate that cannot be read", async () => {
    const checks = await check({ [A]: down }, { certificate: () => Promise.reject(down) });
    assert.deepEqual(troubles(checks), ["fail certificate", "warn others"]);
  });

  it("ends with its bounds when nothing ever answers", async () => {
    const time = new FakeClock();
    const hang = () => new Promise<never>(() => undefined);
    const probe = fakeEtcd({ [A]: status(A), [B]: status(B) }, { status: hang });
    const checking = checkEtcd({ probe, clock: time }, never);
    await time.advance(40_000);
    assert.deepEqual(troubles(await checking), [`fail ${A}`, `fail ${B}`, "warn others"]);
  });
});

describe("lossyWatchOf()", () => {
  const table = {
    "3.4.35": "3.4.36",
    "3.4.36": undefined,
    "3.5.17": "3.5.18",
    "3.5.18": undefined,
    "3.6.0": undefined,
    "3.5": undefined,
  };
  for (const [version, fixed] of Object.entries(table)) {
    it(`is ${fixed} for ${version}`, () => assert.equal(lossyWatchOf(version), fixed));
  }
});
