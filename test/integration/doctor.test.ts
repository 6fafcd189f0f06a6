import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import {
  DeleteBucketPolicyCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutObjectLockConfigurationCommand,
} from "@aws-sdk/client-s3";
import { systemClock } from "../../src/app/system-clock.ts";
import { Config, type S3Config } from "../../src/config/schema.ts";
import { checkBucket } from "../../src/doctor/check-bucket.ts";
import { checkEtcd } from "../../src/doctor/check-etcd.ts";
import { createEtcdProbe } from "../../src/etcd/etcd-probe.ts";
import type { Check } from "../../src/model/check.ts";
import { createBucketProbe } from "../../src/s3/bucket-probe.ts";
import { type AwsKeys, type TestBucket, testBucket } from "../support/aws.ts";
import { createAuthority } from "../support/certificates.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { type BucketOptions, type Rgw, startRgw } from "../support/rgw.ts";
import { fastClock, never, startConnectProxy, TestCredentials } from "./s3-rig.ts";

const MODES = ["GOVERNANCE", "COMPLIANCE"] as const;

const rowsOf = (checks: readonly Check[]) =>
  Object.fromEntries(checks.map(({ name, outcome, detail }) => [name, `${outcome}: ${detail}`]));
const troubles = (checks: readonly Check[]) =>
  checks.flatMap(({ name, outcome }) => (outcome === "pass" ? [] : [`${outcome} ${name}`]));
const hintOf = (checks: readonly Check[], name: string) =>
  checks.map((check) => (check.name === name && check.outcome !== "pass" ? check.hint : "")).join("");

for (const suite of ["trixie", "bookworm"] as const) {
  describe(`doctor in a bucket of RGW of ${suite}`, () => {
    let rgw: Rgw;
    before(async () => {
      rgw = await startRgw({ suite, shared: suite === "trixie" });
    });
    after(() => rgw?.[Symbol.asyncDispose]());

    interface Given {
      readonly bucket: string;
      readonly keys?: AwsKeys;
      readonly config?: Partial<S3Config>;
      readonly endpoint?: string;
      readonly signal?: AbortSignal;
    }

    async function examine({ bucket, keys = rgw, config = {}, endpoint = rgw.endpoint, signal = never }: Given) {
      const { s3 } = Config.parse({ s3: { bucket, folder: "etcd/backups", partSize: "5MiB" } });
      await using probe = createBucketProbe({
        config: { ...s3, ...config },
        endpoint,
        region: "us-east-1",
        credentials: new TestCredentials(keys),
        clock: fastClock(1),
        random: () => 0,
        environment: {},
        warn: () => undefined,
      });
      const wishes = { lockMode: config.objectLock?.mode ?? "", checksum: config.checksum ?? "auto" } as const;
      const subject = { probe, clock: systemClock, cluster: "prod", wishes, write: true, newUuid: () => "u" };
      return await checkBucket(subject, signal);
    }

    const makeBucket = async (options: BucketOptions = {}, keys: AwsKeys = rgw) =>
      testBucket(await rgw.createBucket(options, keys), rgw, keys);

    async function assertUntouched(bucket: TestBucket): Promise<void> {
      assert.deepEqual(await bucket.versions(), []);
      assert.deepEqual(await bucket.uploads(), []);
    }

    const setDefault = async (bucket: TestBucket, Mode: (typeof MODES)[number]) =>
      await bucket.client.send(
        new PutObjectLockConfigurationCommand({
          Bucket: bucket.name,
          ObjectLockConfiguration: { ObjectLockEnabled: "Enabled", Rule: { DefaultRetention: { Mode, Days: 1 } } },
        }),
      );

    it("passes in a plain bucket with a rule for unfinished uploads, and leaves others' objects alone", async () => {
      using bucket = await makeBucket();
      await bucket.put("etcd/backups/prod/checks/ark-x/accepted.json", "{}");
      const LifecycleConfiguration = {
        Rules: [
          {
            ID: "parts",
            Status: "Enabled" as const,
            Filter: { Prefix: "etcd/" },
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 },
          },
        ],
      };
      await bucket.client.send(
        new PutBucketLifecycleConfigurationCommand({ Bucket: bucket.name, LifecycleConfiguration }),
      );
      const checks = await examine({ bucket: bucket.name });
      assert.deepEqual(troubles(checks), []);
      assert.equal(rowsOf(checks)["lifecycle"], "pass: unfinished uploads are aborted after 3 days");
      assert.match(rowsOf(checks)["checksum"] ?? "", /CRC32 is ignored/);
      assert.match(rowsOf(checks)["create twice"] ?? "", /keeps the first/);
      assert.match(rowsOf(checks)["stale swap"] ?? "", /unusable/);
      assert.deepEqual(await bucket.keys(), ["etcd/backups/prod/checks/ark-x/accepted.json"]);
      assert.deepEqual(await bucket.uploads(), []);
    });

    it("leaves neither version nor delete marker in a versioned bucket", async () => {
      using bucket = await makeBucket({ versioning: true });
      const checks = await examine({ bucket: bucket.name });
      assert.match(rowsOf(checks)["versioning"] ?? "", /Enabled/);
      assert.equal(rowsOf(checks)["put"], "pass: written, as a version");
      assert.match(rowsOf(checks)["delete"] ?? "", /^pass/);
      assert.equal(rowsOf(checks)["removal"], "pass: nothing of the canary is left");
      await assertUntouched(bucket);
    });

    it("finds that an upload in parts drops its lock, and waits for none to remove it", async () => {
      using bucket = await makeBucket({ objectLock: true });
      const checks = await examine({ bucket: bucket.name });
      assert.equal(rowsOf(checks)["object lock"], "pass: possible; no default");
      assert.match(rowsOf(checks)["lock of parts"] ?? "", /set by a request of its own/);
      await assertUntouched(bucket);
    });

    it("writes under a GOVERNANCE default and removes it all", async () => {
      using bucket = await makeBucket({ objectLock: true });
      await setDefault(bucket, "GOVERNANCE");
      const checks = await examine({ bucket: bucket.name });
      assert.equal(rowsOf(checks)["object lock"], "pass: GOVERNANCE for 1 day by default");
      assert.match(rowsOf(checks)["multipart"] ?? "", /^pass/);
      await assertUntouched(bucket);
    });

    it("writes nothing under a COMPLIANCE default", async () => {
      using bucket = await makeBucket({ objectLock: true });
      await setDefault(bucket, "COMPLIANCE");
      const checks = await examine({ bucket: bucket.name });
      assert.deepEqual(troubles(checks), ["warn lifecycle", "warn canary"]);
      await assertUntouched(bucket);
    });

    it("fails when locks are asked of a bucket without", async () => {
      using bucket = await makeBucket();
      const checks = await examine({ bucket: bucket.name, config: { objectLock: { mode: "GOVERNANCE", days: 1 } } });
      assert.deepEqual(troubles(checks), ["fail object lock", "warn lifecycle"]);
      await assertUntouched(bucket);
    });

    it("names every permission of a bucket of somebody else", async () => {
      using bucket = await makeBucket();
      const checks = await examine({ bucket: bucket.name, keys: await rgw.createUser() });
      const [list, put] = ["fail list", "fail put"];
      assert.deepEqual(troubles(checks), [
        list,
        "warn versioning",
        "warn object lock",
        "warn lifecycle",
        put,
        "warn others",
      ]);
      const permissions = { list: "ListBucket", versioning: "GetBucketVersioning", put: "PutObject" };
      for (const [name, action] of Object.entries(permissions))
        assert.match(hintOf(checks, name), new RegExp(`"s3:${action}"`));
      await assertUntouched(bucket);
    });

    const deny = async (bucket: TestBucket, ...Action: string[]) => {
      const Resource = [`arn:aws:s3:::${bucket.name}`, `arn:aws:s3:::${bucket.name}/*`];
      const Statement = [{ Effect: "Deny", Principal: "*", Action, Resource }];
      const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
      await bucket.client.send(new PutBucketPolicyCommand({ Bucket: bucket.name, Policy }));
    };

    it("writes nothing that the key may not delete", async () => {
      using bucket = await makeBucket();
      await deny(bucket, "s3:DeleteObject");
      const checks = await examine({ bucket: bucket.name });
      assert.deepEqual(troubles(checks), ["warn lifecycle", "fail delete", "warn others"]);
      assert.match(hintOf(checks, "delete"), /"s3:DeleteObject"/);
      await assertUntouched(bucket);
    });

    it("writes nothing into a versioned bucket whose versions the key may not delete", async () => {
      using bucket = await makeBucket({ versioning: true });
      await deny(bucket, "s3:DeleteObjectVersion");
      const checks = await examine({ bucket: bucket.name });
      assert.deepEqual(troubles(checks), ["warn lifecycle", "warn removal", "warn others"]);
      await assertUntouched(bucket);
    });

    it("removes all when versions may not be listed", async () => {
      using bucket = await makeBucket({ versioning: true });
      await deny(bucket, "s3:ListBucketVersions");
      const checks = await examine({ bucket: bucket.name });
      assert.equal(rowsOf(checks)["removal"], "pass: nothing of the canary is left");
      await bucket.client.send(new DeleteBucketPolicyCommand({ Bucket: bucket.name }));
      await assertUntouched(bucket);
    });

    it("begins no upload that the key may not abort", async () => {
      using bucket = await makeBucket();
      await deny(bucket, "s3:AbortMultipartUpload");
      const checks = await examine({ bucket: bucket.name });
      assert.deepEqual(troubles(checks), ["warn lifecycle", "fail multipart", "warn others"]);
      assert.match(hintOf(checks, "multipart"), /"s3:AbortMultipartUpload"/);
      await assertUntouched(bucket);
    });

    it("waits for the end of a short lock that the key may not bypass", async () => {
      using bucket = await makeBucket({ objectLock: true });
      await deny(bucket, "s3:BypassGovernanceRetention");
      const checks = await examine({ bucket: bucket.name });
      assert.match(rowsOf(checks)["lock of parts"] ?? "", /^pass/);
      assert.equal(rowsOf(checks)["removal"], "pass: nothing of the canary is left");
      await assertUntouched(bucket);
    });

    it("tells whether the other addressing works, and which one to set when only that one does", async () => {
      using bucket = await makeBucket();
      const authority = createAuthority();
      const tls = authority.issue({ dnsNames: ["localhost", `${bucket.name}.localhost`] });
      await using service = await startFaultProxy(rgw.endpoint, { tls });
      await using proxy = await startConnectProxy();
      const given = { bucket: bucket.name, endpoint: service.url };
      const endpointCA = Buffer.from(authority.cert).toString("base64");
      const both = await examine({ ...given, config: { addressing: "virtual", proxy: proxy.url, endpointCA } });
      assert.equal(rowsOf(both)["addressing"], "pass: by host name; by path it works as well");
      const path = await examine({ ...given, config: { endpointCA } });
      assert.equal(rowsOf(path)["addressing"], "pass: by path; by host name it does not work");
      const neither = await examine({ ...given, config: { addressing: "virtual", endpointCA } });
      assert.deepEqual(troubles(neither), ["fail reach", "warn others"]);
      assert.equal(hintOf(neither, "reach"), 'Set s3.addressing to "path"');
    });

    it("leaves nothing when it is interrupted half-way", async () => {
      using bucket = await makeBucket({ versioning: true });
      const interruption = new AbortController();
      const examining = examine({ bucket: bucket.name, signal: interruption.signal });
      const seen = async (): Promise<void> => {
        while ((await bucket.versions()).length === 0) interruption.signal.throwIfAborted();
      };
      await Promise.race([seen(), examining]);
      interruption.abort(new Error("stop"));
      await assert.rejects(examining, /stop/);
      await assertUntouched(bucket);
    });

    it("fails once for a service that is not there, a secret that is wrong, a bucket that does not exist", async () => {
      using bucket = await makeBucket();
      const silent = createServer().listen(0, "127.0.0.1");
      await once(silent, "listening");
      const wrong = { accessKeyId: rgw.accessKeyId, secretAccessKey: "wrong" };
      const given: Record<string, Given> = {
        "no connection": { bucket: bucket.name, endpoint: "http://127.0.0.1:1" },
        "broke off|no answer": { bucket: bucket.name, endpoint: `http://127.0.0.1:${portOf(silent)}` },
        "secret key does not fit": { bucket: bucket.name, keys: wrong },
        "does not exist": { bucket: "ark-there-is-none" },
      };
      try {
        for (const [says, subject] of Object.entries(given)) {
          const checks = await examine(subject);
          assert.deepEqual(troubles(checks), ["fail reach", "warn others"], says);
          assert.match(rowsOf(checks)["reach"] ?? "", new RegExp(says));
        }
      } finally {
        silent.close();
      }
    });
  });
}

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

for (const version of ["3.4", "3.5"] as const) {
  describe(`doctor of etcd ${version} with users and TLS`, () => {
    let cluster: EtcdCluster;
    before(async () => {
      cluster = await startEtcd({ version, auth: true, tls: true });
    });
    after(() => cluster?.[Symbol.asyncDispose]());

    async function examine(user: { username: string; password: string }) {
      const { endpoints, tls } = cluster;
      const files = { caFile: tls?.caFile, certFile: tls?.certFile, keyFile: tls?.keyFile };
      const { etcd } = Config.parse({ etcd: { endpoints: [...endpoints], tls: files, auth: user } });
      await using probe = createEtcdProbe({ config: etcd, clock: systemClock });
      return await checkEtcd({ probe, clock: systemClock }, never);
    }

    it("passes as root, and tells when the certificate ends", async () => {
      const { username = "", password = "" } = cluster.auth ?? {};
      const checks = await examine({ username, password });
      assert.deepEqual(
        troubles(checks).filter((row) => !/version|certificate/.test(row)),
        [],
      );
      assert.equal(rowsOf(checks)["user"], 'pass: "root" has the root role');
      assert.match(rowsOf(checks)["certificate"] ?? "", /ends at 20/);
    });

    it("fails for a user without the root role", async () => {
      const checks = await examine(cluster.auth?.plainUser ?? { username: "", password: "" });
      assert.deepEqual(
        troubles(checks).filter((row) => row.startsWith("fail")),
        ["fail user"],
      );
      assert.match(hintOf(checks, "user"), /etcdctl user grant-role plain root/);
    });

    it("fails for a wrong password, without telling it", async () => {
      const checks = await examine({ username: "root", password: "not-the-password" });
      assert.match(rowsOf(checks)[cluster.endpoints[0] ?? ""] ?? "", /^fail: .*authentication failed/);
      assert.doesNotMatch(JSON.stringify(checks), /not-the-password/);
    });
  });
}
