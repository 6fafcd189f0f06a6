import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { isBackupError } from "../../src/errors.ts";
import { type TestBucket, testBucket } from "../support/aws.ts";
import { createAuthority } from "../support/certificates.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { MIB, never, randomBody, TestCredentials, type TestStoreOptions, testStore, writeBody } from "./s3-rig.ts";

describe("the S3 store and services that differ", () => {
  const authority = createAuthority();
  let rgw: Rgw;
  let bucket: TestBucket;
  let proxy: FaultProxy;

  before(async () => {
    rgw = await startRgw({ shared: true });
    bucket = testBucket(await rgw.createBucket(), rgw, rgw);
  });

  after(async () => {
    bucket?.[Symbol.dispose]();
    await rgw?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    proxy = await startFaultProxy(rgw.endpoint, { tls: authority.issue() });
  });

  afterEach(async () => {
    await proxy[Symbol.asyncDispose]();
    assert.deepEqual(await bucket.uploads(), []);
  });

  const open = (config: TestStoreOptions["config"] = {}) =>
    testStore({
      endpoint: proxy.url,
      bucket: bucket.name,
      credentials: new TestCredentials(rgw),
      config: { endpointCA: Buffer.from(authority.cert).toString("base64"), ...config },
    });

  const requestsOf = (operation: string) => proxy.requests.filter((request) => request.operation === operation);

  it("leaves bodies unsigned over TLS once the service has refused a wrong checksum", async () => {
    proxy.inject({ match: { operation: "UploadPart" }, do: { answer: 400, code: "BadDigest" } });
    await using store = open();
    await writeBody(store, { key: "unsigned-1", body: randomBody(11 * MIB) });
    await writeBody(store, { key: "unsigned-2", body: randomBody(11 * MIB) });
    const [probe, ...parts] = requestsOf("UploadPart");
    assert.equal(probe?.bodyBytes, 1);
    assert.equal(parts.length, 6);
    for (const { headers } of parts) {
      assert.equal(headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
      assert.match(String(headers["x-amz-checksum-crc32"]), /^.{6}==$/);
      assert.equal(headers["content-encoding"], undefined, "never aws-chunked");
      assert.equal(headers.expect, undefined);
    }
  });

  it("signs bodies over TLS where the service takes a wrong checksum", async () => {
    await using store = open();
    await writeBody(store, { key: "signed", body: randomBody(11 * MIB) });
    const parts = requestsOf("UploadPart").filter(({ bodyBytes }) => bodyBytes > 1);
    assert.equal(parts.length, 3);
    for (const { headers } of parts) {
      assert.match(String(headers["x-amz-content-sha256"]), /^[0-9a-f]{64}$/);
      assert.equal(headers["x-amz-checksum-crc32"], undefined);
    }
  });

  it("does without checksums where the service does not know them", async () => {
    proxy.inject({ match: { operation: "CreateMultipartUpload" }, do: { answer: 501, code: "NotImplemented" } });
    await using store = open();
    await writeBody(store, { key: "plain", body: randomBody(11 * MIB) });
    const [first, second] = requestsOf("CreateMultipartUpload");
    assert.equal(first?.headers["x-amz-checksum-algorithm"], "CRC32");
    assert.equal(second?.headers["x-amz-checksum-algorithm"], undefined);
  });

  it("sends Content-MD5 from then on where the bucket demands it", async () => {
    const message =
      "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Part requests with Object Lock parameters";
    const body = `<Error><Code>InvalidRequest</Code><Message>${message}</Message></Error>`;
    const withoutMd5 = ({ headers, operation }: { headers: Record<string, unknown>; operation: string }): boolean =>
      operation === "UploadPart" && headers["content-md5"] === undefined;
    proxy.inject({ match: { when: withoutMd5 }, times: 99, do: { answer: 400, body } });
    await using store = open({ checksum: "none", concurrency: 1 });
    await writeBody(store, { key: "md5", body: randomBody(16 * MIB) });
    const stored = requestsOf("UploadPart").filter(({ status }) => status === 200);
    assert.equal(stored.length, 4);
    assert.ok(requestsOf("UploadPart").length <= 6, "only parts that were under way already were refused");
  });

  it("sends a part again whose ETag is not the MD5 of what was sent", async () => {
    const headers = { etag: '"00000000000000000000000000000000"' };
    proxy.inject({ match: { operation: "UploadPart" }, do: { answer: 200, body: "", headers } });
    await using store = open({ checksum: "md5", concurrency: 1 });
    await writeBody(store, { key: "etag", body: randomBody(11 * MIB) });
    assert.equal(requestsOf("UploadPart").length, 4);
  });

  it("leaves no upload whose probe was refused", async () => {
    proxy.inject({ match: { operation: "UploadPart" }, do: { answer: 400, code: "EntityTooSmall" } });
    await using store = open();
    const writing = writeBody(store, { key: "refused-probe", body: randomBody(6 * MIB) });
    await assert.rejects(writing, (error) => isBackupError(error, "STORE_REFUSED"));
    assert.equal(requestsOf("CreateMultipartUpload").length, 1);
  });

  it("remembers over the probe that an upload may have begun twice", async () => {
    proxy.inject({ match: { operation: "CreateMultipartUpload" }, do: { drop: "after" } });
    await using store = open();
    await writeBody(store, { key: "twin", body: randomBody(6 * MIB) });
    assert.equal(requestsOf("CreateMultipartUpload").length, 3, "the lost one, the probed one and the one in use");
  });

  it("create() does without If-None-Match where it is not implemented", async () => {
    proxy.inject({ match: { operation: "PutObject" }, do: { answer: 501, code: "NotImplemented" } });
    await using store = open();
    assert.equal((await store.create("cond.json", Buffer.from("{}"), never)).outcome, "created");
    assert.deepEqual(
      requestsOf("PutObject").map(({ headers }) => headers["if-none-match"]),
      ["*", undefined],
    );
  });

  it("delete() notices that nothing was deleted", async () => {
    await using store = open();
    await store.replace("kept", Buffer.from("x"), never);
    proxy.inject({ match: { operation: "DeleteObject" }, do: { answer: 204 } });
    await assert.rejects(store.delete("kept", never), (error) => isBackupError(error, "STORE_REFUSED"));
  });

  it("delete() tells a lock from any other refusal", async () => {
    await using store = open();
    await store.replace("refused", Buffer.from("x"), never);
    const denial = { match: { operation: "DeleteObject" }, do: { answer: 403, code: "AccessDenied" } } as const;
    proxy.inject(denial);
    await assert.rejects(store.delete("refused", never), { code: "STORE_REFUSED", hint: /"s3:DeleteObject"/ });
    proxy.inject(denial);
    const headers = {
      "content-length": "1",
      "x-amz-object-lock-mode": "COMPLIANCE",
      "x-amz-object-lock-retain-until-date": "2999-01-01T00:00:00Z",
    };
    proxy.inject({ match: { operation: "HeadObject" }, do: { answer: 200, headers } });
    assert.equal(await store.delete("refused", never), "locked");
  });

  it("complete() does not trust an object of another size, and removes it", async () => {
    await using store = open();
    for (const size of [1000, 6 * MIB]) {
      proxy.inject({ match: { operation: "HeadObject" }, do: { answer: 200, headers: { "content-length": "5" } } });
      const writing = writeBody(store, { key: `short-${size}`, body: randomBody(size) });
      await assert.rejects(
        writing,
        (error) =>
          isBackupError(error, "STORE_REFUSED") &&
          /5 bytes of/.test(error.message) &&
          /who else/.test(error.hint ?? ""),
      );
      assert.deepEqual(await bucket.keys(`etcd/backups/short-${size}`), []);
    }
  });

  it("says why a HEAD was refused, which has no error code of its own", async () => {
    await using store = open();
    proxy.inject({ match: { operation: "HeadObject" }, times: 9, do: { answer: 403 } });
    proxy.inject({ match: { operation: "GetObject" }, do: { answer: 403, code: "AccessDenied" } });
    await assert.rejects(store.head("x", never), { code: "STORE_REFUSED", hint: /"s3:GetObject"/ });
  });

  it("does not take the ETag for an MD5 where the bucket encrypts by a KMS key of its own", async () => {
    const headers = { etag: `"${"0".repeat(32)}"`, "x-amz-server-side-encryption": "aws:kms" };
    proxy.inject({ match: { operation: "PutObject" }, do: { answer: 200, body: "", headers } });
    await using store = open();
    const { outcome } = await store.create("c/kms.json", Buffer.from("{}"), never).catch((error) => {
      // The service has not really stored it, which is found out by looking; the answer itself was believed.
      assert.doesNotMatch(String(error.message), /altered/);
      return { outcome: "looked" };
    });
    assert.equal(requestsOf("PutObject").length, 1, outcome);
  });

  it("goes round only so often where HEAD is refused and GET is not", async () => {
    await bucket.put("etcd/backups/headless", Buffer.from("x"));
    proxy.inject({ match: { operation: "HeadObject" }, times: 1000, do: { answer: 403 } });
    await using store = open();
    await assert.rejects(store.head("headless", never), (error) => isBackupError(error, "STORE_REFUSED"));
    assert.ok(requestsOf("HeadObject").length <= 4, `${requestsOf("HeadObject").length} requests`);
  });
});
