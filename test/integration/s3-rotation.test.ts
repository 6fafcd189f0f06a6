import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isBackupError } from "../../src/errors.ts";
import { testBucket } from "../support/aws.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import {
  fastClock,
  MIB,
  metadata,
  never,
  randomBody,
  startPartWatch,
  TestCredentials,
  testStore,
  writeBody,
} from "./s3-rig.ts";

describe("the S3 store through rotations", () => {
  let rgw: Rgw;

  before(async () => {
    rgw = await startRgw({ shared: true });
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
  });

  /** A bucket of a user whose keys come and go. */
  const userWithBucket = async () => {
    const user = await rgw.createUser();
    return { user, name: await rgw.createBucket({}, user) };
  };

  it("a key revoked 3 s before its successor comes does not cost an upload with 4 parts in flight", async () => {
    const { user, name } = await userWithBucket();
    await using watch = await startPartWatch(rgw.endpoint);
    const credentials = new TestCredentials(user);
    await using store = testStore({ endpoint: watch.url, bucket: name, credentials, clock: fastClock(1) });
    const body = randomBody(24 * 5 * MIB);
    const rotate = async (): Promise<void> => {
      await rgw.removeKey(user.accessKeyId);
      await delay(3000);
      credentials.set(await rgw.addKey(user.uid));
    };
    let rotating: Promise<void> | undefined;
    await using writer = await store.open("snapshot", { expectedSize: body.length, metadata }, never);
    for (let offset = 0; offset < body.length; offset += MIB) {
      if (offset === 50 * MIB) rotating = rotate();
      await writer.write(body.subarray(offset, offset + MIB));
    }
    const written = await writer.complete();
    await rotating;
    assert.equal(written.parts, 24);
    const { parts } = watch;
    assert.equal(new Set(parts.map(({ number }) => number)).size, 24);
    assert.equal(new Set(parts.map(({ uploadId }) => uploadId)).size, 1, "one upload");
    assert.equal(new Set(parts.map(({ accessKeyId }) => accessKeyId)).size, 2, "under two keys");
    assert.equal(credentials.rejections.length, 1, "asked once for all parts in flight");
    assert.equal(credentials.rejections[0]?.identity.accessKeyId, user.accessKeyId);
    assert.equal(credentials.rejections[0]?.waitMs, 60_000);
    const successor = await credentials.current();
    assert.deepEqual(credentials.acceptedKeys, new Set([user.accessKeyId, successor.accessKeyId]));
    using bucket = testBucket(name, rgw, successor);
    assert.ok((await bucket.get("etcd/backups/snapshot")).equals(body));
  });

  for (const [code, status] of [
    ["ExpiredToken", 400],
    ["InvalidToken", 400],
    ["TokenRefreshRequired", 400],
    ["SignatureDoesNotMatch", 403],
    ["AccessDenied", 403],
  ] as const) {
    it(`${code} in mid-upload is waited out, and does not count as an attempt`, async () => {
      const { user, name } = await userWithBucket();
      await using proxy = await startFaultProxy(rgw.endpoint, { http: true });
      const credentials = new TestCredentials(user);
      await using store = testStore({ endpoint: proxy.url, bucket: name, credentials });
      const body = randomBody(16 * MIB);
      const when = ({ accessKeyId, operation }: { accessKeyId: string | undefined; operation: string }): boolean =>
        operation === "UploadPart" && accessKeyId === user.accessKeyId;
      await using writer = await store.open("snapshot", { expectedSize: 0, metadata }, never);
      proxy.inject({ match: { when }, times: 99, do: { answer: status, code } });
      setTimeout(async () => credentials.set(await rgw.addKey(user.uid)), 300);
      for (let offset = 0; offset < body.length; offset += MIB) await writer.write(body.subarray(offset, offset + MIB));
      await writer.complete();
      assert.equal(credentials.rejections.length, 1);
    });
  }

  it("the key of one manifest's write may be revoked as well", async () => {
    const { user, name } = await userWithBucket();
    const credentials = new TestCredentials(user);
    await using store = testStore({ endpoint: rgw.endpoint, bucket: name, credentials });
    await store.create("a.json", Buffer.from("{}"), never);
    await rgw.removeKey(user.accessKeyId);
    setTimeout(async () => credentials.set(await rgw.addKey(user.uid)), 300);
    const { outcome } = await store.create("b.json", Buffer.from("{}"), never);
    assert.equal(outcome, "created");
  });

  it("credentials that were never accepted are refused without a minute's wait", async () => {
    const { user, name } = await userWithBucket();
    const credentials = new TestCredentials({ ...user, secretAccessKey: "wrong" });
    await using store = testStore({ endpoint: rgw.endpoint, bucket: name, credentials });
    const writing = writeBody(store, { key: "snapshot", body: randomBody(MIB) });
    await assert.rejects(writing, (error) => isBackupError(error, "CREDENTIALS_REJECTED"));
    assert.ok((credentials.rejections[0]?.waitMs ?? 60_000) <= 1000);
  });

  it("an interruption ends the wait for credentials", async () => {
    const { user, name } = await userWithBucket();
    const credentials = new TestCredentials(user);
    await using store = testStore({ endpoint: rgw.endpoint, bucket: name, credentials });
    await store.head("a", never);
    await store.create("a.json", Buffer.from("{}"), never);
    await rgw.removeKey(user.accessKeyId);
    const interrupted = new AbortController();
    setTimeout(() => interrupted.abort(new Error("SIGTERM")), 200);
    await assert.rejects(store.get("a.json", interrupted.signal), /SIGTERM/);
  });
});
