import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ListObjectsV2Command, PutObjectRetentionCommand } from "@aws-sdk/client-s3";
import { s3Client, testBucket } from "../support/aws.ts";
import { environment } from "../support/environment.ts";
import { sharedRgwVariable, startRgw } from "../support/rgw.ts";
import { startRgwCluster } from "../support/rgw-cluster.ts";

for (const suite of ["trixie", "bookworm"] as const) {
  describe(`startRgw() of ${suite}`, () => {
    it("stores objects over http and https, path style", async () => {
      await using rgw = await startRgw({ suite });
      const name = await rgw.createBucket();
      using plain = testBucket(name, rgw, rgw);
      using tls = testBucket(name, { endpoint: rgw.tlsEndpoint, caFile: rgw.caFile }, rgw);

      await plain.put("folder/object", "hello");

      assert.equal((await tls.get("folder/object")).toString(), "hello");
      assert.deepEqual(await tls.keys("folder/"), ["folder/object"]);
      assert.deepEqual(await tls.uploads(), []);
    });

    it("refuses a revoked key, a wrong secret and a suspended user from the next request on", async () => {
      await using rgw = await startRgw({ suite });
      const user = await rgw.createUser("rotating");
      const name = await rgw.createBucket({}, user);
      const second = await rgw.addKey(user.uid);
      const keysWith = async (keys: { accessKeyId: string; secretAccessKey: string }) => {
        using bucket = testBucket(name, rgw, keys);
        return await bucket.keys();
      };

      await rgw.removeKey(user.accessKeyId);
      await assert.rejects(keysWith(user), { name: "InvalidAccessKeyId" });
      await assert.rejects(keysWith({ ...second, secretAccessKey: "wrong" }), { name: "SignatureDoesNotMatch" });
      assert.deepEqual(await keysWith(second), []);
      await rgw.suspend(user.uid);
      await assert.rejects(keysWith(second), { name: "UserSuspended" });
      await rgw.enable(user.uid);

      assert.deepEqual(await keysWith(second), []);
    });

    it("refuses to delete a locked object's version", async () => {
      await using rgw = await startRgw({ suite });
      const Bucket = await rgw.createBucket({ objectLock: true });
      using bucket = testBucket(Bucket, rgw, rgw);
      await bucket.put("locked", "hello");
      const RetainUntilDate = new Date("2038-01-01T00:00:00Z");

      await bucket.client.send(
        new PutObjectRetentionCommand({ Bucket, Key: "locked", Retention: { Mode: "COMPLIANCE", RetainUntilDate } }),
      );

      const [version] = await bucket.versions();
      assert.ok(version?.versionId);
      await assert.rejects(bucket.delete("locked", version.versionId), { name: "AccessDenied" });
    });
  });
}

describe("startRgw()", () => {
  it("gives each handle of the shared service a user of its own", async () => {
    await using cluster = await startRgwCluster("trixie");
    using _ = environment({ [sharedRgwVariable]: JSON.stringify(cluster.access) });
    await using first = await startRgw({ shared: true });
    await using second = await startRgw({ shared: true });
    const Bucket = await first.createBucket();
    const client = s3Client(second, second);

    assert.equal(first.endpoint, second.endpoint);
    await assert.rejects(client.send(new ListObjectsV2Command({ Bucket })), { name: "AccessDenied" });

    client.destroy();
  });

  it("lets its user assume the role", async () => {
    await using rgw = await startRgw();
    const name = await rgw.createBucket();

    const session = await rgw.assumeRole({ durationSeconds: 900 });

    using bucket = testBucket(name, rgw, session);
    await bucket.put("a", "b");
    assert.deepEqual(await bucket.keys(), ["a"]);
    assert.ok(session.sessionToken);
  });

  it("refuses what needs an administrator when the service is one's own", async () => {
    await using rgw = await startRgw();
    const keys = await rgw.createUser();
    using _ = environment({
      ETCD_ARK_TEST_S3_ENDPOINT: rgw.endpoint,
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    });

    await using own = await startRgw({ suite: "bookworm" });

    using bucket = testBucket(await own.createBucket(), own, own);
    await bucket.put("a", "b");
    assert.deepEqual(await bucket.keys(), ["a"]);
    await assert.rejects(own.createUser(), /ETCD_ARK_TEST_S3_ENDPOINT/);
  });
});
