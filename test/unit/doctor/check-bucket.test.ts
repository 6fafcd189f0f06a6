import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BucketWishes } from "../../../src/doctor/bucket-settings.ts";
import { checkBucket } from "../../../src/doctor/check-bucket.ts";
import { BackupError } from "../../../src/errors.ts";
import type { BucketProbe, Canary } from "../../../src/ports/bucket-probe.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { dead, fakeBucket, fakeCanary, hintOf, never, refused, rowsOf, troubles } from "./fakes.ts";

const clock = new FakeClock();
const NO_WISHES: BucketWishes = { lockMode: "", checksum: "auto" };
const WRITES = ["put", "multipart", "abort", "createTwice", "swapStale", "lockMultipart", "refusesWrongChecksum"];

interface Given {
  readonly probe?: Partial<BucketProbe>;
  readonly canary?: Partial<Canary>;
  readonly wishes?: Partial<BucketWishes>;
  readonly write?: boolean;
}

async function check({ probe, canary, wishes, write = true }: Given, signal = never) {
  const fake = fakeCanary(canary);
  const prefixes: string[] = [];
  const bucket = fakeBucket({
    canary: (prefix) => {
      prefixes.push(prefix);
      return fake;
    },
    ...probe,
  });
  const subject = {
    probe: bucket,
    clock,
    cluster: "prod",
    wishes: { ...NO_WISHES, ...wishes },
    write,
    newUuid: () => "u",
  };
  const checks = await checkBucket(subject, signal);
  return { checks, rows: rowsOf(checks), calls: fake.calls, prefixes };
}

const denied = (action: string) => () => Promise.reject(refused(action));

describe("checkBucket()", () => {
  it("finds nothing wrong with a good bucket, and removes the canary at the end", async () => {
    const { checks, calls, prefixes } = await check({});
    assert.deepEqual(troubles(checks), []);
    assert.deepEqual(prefixes, ["prod/checks/.doctor-u/"]);
    assert.deepEqual(calls.slice(-3), ["delete", "remove", "dispose"]);
  });

  it("writes nothing when it is told so", async () => {
    const { checks, calls } = await check({ write: false });
    assert.deepEqual(troubles(checks), []);
    assert.deepEqual(calls, []);
  });

  for (const error of [
    dead,
    refused("s3"),
    new BackupError("CREDENTIALS_REJECTED", "Cannot: unknown key", { hint: "h" }),
  ]) {
    it(`fails once when it is not reached: ${error.code}`, async () => {
      const probe = { reach: () => Promise.reject(error), reachOtherwise: async () => false };
      const { checks, calls } = await check({ probe });
      assert.deepEqual(troubles(checks), ["fail reach", "warn others"]);
      assert.deepEqual(calls, []);
    });
  }

  it("names the addressing by which the bucket is reached after all", async () => {
    const { checks } = await check({ probe: { reach: () => Promise.reject(dead), addressing: "virtual" } });
    assert.equal(hintOf(checks, "reach"), 'Set s3.addressing to "path"');
  });

  const skews: readonly (readonly [number | undefined, RegExp])[] = [
    [undefined, /^pass: unknown/],
    [59_999, /^pass/],
    [60_000, /^warn: .*60 s ahead/],
    [-60_000, /^warn: .*60 s behind/],
    [-900_000, /^fail/],
  ];
  for (const [skewMs, says] of skews) {
    it(`judges a clock that is ${skewMs} ms off`, async () => {
      assert.match((await check({ probe: { skewMs: () => skewMs } })).rows["clock"] ?? "", says);
    });
  }

  it("warns of what may not be read and is not needed, with the permission", async () => {
    const probe = {
      versioning: denied("s3:GetBucketVersioning"),
      lockDefault: denied("s3:GetBucketObjectLockConfiguration"),
      daysToAbort: denied("s3:GetLifecycleConfiguration"),
    };
    const { checks } = await check({ probe });
    assert.deepEqual(troubles(checks), ["warn versioning", "warn object lock", "warn lifecycle"]);
    assert.equal(hintOf(checks, "lifecycle"), 'Allow "s3:GetLifecycleConfiguration"');
  });

  it("fails for what backups need and is denied, with the permission", async () => {
    const { checks } = await check({
      probe: { list: denied("s3:ListBucket") },
      canary: { get: denied("s3:GetObject") },
    });
    assert.deepEqual(troubles(checks), ["fail list", "fail get"]);
    assert.equal(hintOf(checks, "list"), 'Allow "s3:ListBucket"');
  });

  it("warns of a bucket without a rule for unfinished uploads, and of another region", async () => {
    const { checks } = await check({ probe: { daysToAbort: async () => undefined, warnings: () => ["in eu-west-1"] } });
    assert.deepEqual(troubles(checks), ["warn lifecycle", "warn region"]);
  });

  it("fails when locks are wished for in a bucket that has none", async () => {
    const { checks, calls } = await check({ wishes: { lockMode: "GOVERNANCE" } });
    assert.deepEqual(troubles(checks), ["fail object lock"]);
    assert.ok(!calls.includes("lockMultipart"));
  });

  it("writes nothing under a COMPLIANCE default, and says what would be left until when", async () => {
    const lockDefault = async () => ({ state: "default", mode: "COMPLIANCE", days: 2 }) as const;
    const { checks, calls, rows } = await check({ probe: { versioning: async () => "Enabled", lockDefault } });
    assert.deepEqual(calls, []);
    assert.deepEqual(troubles(checks), ["warn canary"]);
    assert.match(rows["canary"] ?? "", /not tried: put.*2026-01-07T00:00:00/);
  });

  it("writes nothing that the key may not delete", async () => {
    const { checks, calls } = await check({ canary: { mayDelete: denied("s3:DeleteObject") } });
    assert.deepEqual(
      calls.filter((name) => WRITES.includes(name)),
      [],
    );
    assert.deepEqual(troubles(checks), ["fail delete", "warn others"]);
    assert.equal(hintOf(checks, "delete"), 'Allow "s3:DeleteObject"');
  });

  it("writes nothing into a versioned bucket whose versions the key may not delete", async () => {
    const probe: Partial<BucketProbe> = { versioning: async () => "Enabled" };
    const { checks, calls } = await check({ probe, canary: { mayDeleteVersion: denied("s3:DeleteObjectVersion") } });
    assert.deepEqual(
      calls.filter((name) => WRITES.includes(name)),
      [],
    );
    assert.deepEqual(troubles(checks), ["warn removal", "warn others"]);
  });

  const uncertain: readonly (readonly [string, Partial<BucketProbe>, Partial<Canary>])[] = [
    [
      "nothing tells whether versions would stay",
      { versioning: denied("s3:GetBucketVersioning") },
      { mayDeleteVersion: denied("s3:DeleteObjectVersion") },
    ],
    [
      "a GOVERNANCE default may keep what the key may not bypass",
      {
        versioning: async () => "Enabled",
        lockDefault: async () => ({ state: "default", mode: "GOVERNANCE", days: 1 }),
      },
      {},
    ],
    [
      "nothing tells whether there is a default lock",
      { versioning: async () => "Enabled", lockDefault: denied("s3:GetBucketObjectLockConfiguration") },
      {},
    ],
  ];
  for (const [why, probe, canary] of uncertain) {
    it(`tries one object first, and stops at what is left of it: ${why}`, async () => {
      const left = [{ key: "k", what: "s3://b/k in version 7", command: "aws s3api delete-object" }];
      const { rows, calls, checks } = await check({ probe, canary: { ...canary, remove: async () => left } });
      assert.deepEqual(
        calls.filter((name) => WRITES.includes(name)),
        ["put"],
      );
      assert.match(rows["removal"] ?? "", /^warn: left in the bucket: s3:\/\/b\/k in version 7/);
      assert.match(hintOf(checks, "removal"), /aws s3api delete-object/);
      const clean = await check({ probe, canary });
      assert.ok(clean.calls.includes("multipart"), "goes on when nothing is left");
    });
  }

  const canaries: readonly (readonly [string, Partial<Canary>, RegExp, Partial<BucketWishes>?])[] = [
    ["get", { get: async () => false }, /^fail: what is read/],
    ["range", { getRange: async () => false }, /^fail: what is read/],
    ["listing", { isListed: async () => false }, /^fail/],
    ["abort", { abort: async () => false }, /^warn/],
    ["checksum", { refusesWrongChecksum: async () => false }, /^pass: CRC32 is ignored/],
    ["checksum", { refusesWrongChecksum: async () => false }, /^warn/, { checksum: "crc" }],
    ["create twice", { createTwice: async () => "ignored" }, /^warn: If-None-Match is ignored/],
    ["create twice", { createTwice: async () => "unusable" }, /^warn: If-None-Match is unusable/],
    ["stale swap", { swapStale: async () => "unusable" }, /^pass: If-Match is unusable/],
    ["delete", { delete: async () => false }, /^fail/],
  ];
  for (const [name, canary, says, wishes = {}] of canaries) {
    it(`judges ${name}: ${says.source} ${JSON.stringify(wishes)}`, async () => {
      assert.match((await check({ canary, wishes })).rows[name] ?? "", says);
    });
  }

  const lockable: Partial<BucketProbe> = {
    versioning: async () => "Enabled",
    lockDefault: async () => ({ state: "optional" }),
  };
  const locks: readonly (readonly [Partial<Canary>, RegExp, Partial<BucketWishes>?])[] = [
    [{}, /^pass: a lock is kept/],
    [{ lockMultipart: async () => "setAfterwards" }, /^pass: dropped/],
    [{ lockMultipart: async () => "dropped" }, /^warn/],
    [{ lockMultipart: async () => "dropped" }, /^fail/, { lockMode: "COMPLIANCE" }],
    [{ lockMultipart: denied("s3:PutObjectRetention") }, /^warn/],
    [{ lockMultipart: denied("s3:PutObjectRetention") }, /^fail/, { lockMode: "COMPLIANCE" }],
  ];
  for (const [canary, says, wishes = {}] of locks) {
    it(`judges the lock of parts: ${says.source} ${JSON.stringify(wishes)} ${String(canary.lockMultipart)}`, async () => {
      assert.match((await check({ probe: lockable, canary, wishes })).rows["lock of parts"] ?? "", says);
    });
  }

  it("removes what it wrote also after a failure", async () => {
    const { checks, calls } = await check({ canary: { multipart: () => Promise.reject(dead) } });
    assert.deepEqual(troubles(checks), ["fail multipart", "warn others"]);
    assert.ok(calls.includes("remove"));
  });

  it("disposes of the canary when it is interrupted", async () => {
    const interruption = new AbortController();
    const canary = fakeCanary({ multipart: async () => interruption.abort(new Error("stop")) });
    await assert.rejects(check({ probe: { canary: () => canary } }, interruption.signal), /stop/);
    assert.equal(canary.calls.at(-1), "dispose");
  });
});
