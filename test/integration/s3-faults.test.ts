import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { AbortMultipartUploadCommand } from "@aws-sdk/client-s3";
import { BackupError, isBackupError } from "../../src/errors.ts";
import type { ObjectStore } from "../../src/ports/object-store.ts";
import { type TestBucket, testBucket } from "../support/aws.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import {
  fastClock,
  MIB,
  metadata,
  never,
  randomBody,
  readBody,
  TestCredentials,
  testStore,
  writeBody,
} from "./s3-rig.ts";

const isPart =
  (number: number) =>
  ({ partNumber }: { partNumber: number | undefined }): boolean =>
    partNumber === number;

describe("the S3 store under faults", () => {
  let rgw: Rgw;
  let bucket: TestBucket;
  let proxy: FaultProxy;
  let store: ObjectStore;
  let count = 0;
  let key = "";

  before(async () => {
    rgw = await startRgw({ shared: true });
    bucket = testBucket(await rgw.createBucket(), rgw, rgw);
  });

  after(async () => {
    bucket?.[Symbol.dispose]();
    await rgw?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    proxy = await startFaultProxy(rgw.endpoint, { http: true });
    store = openStore();
    key = `default/snapshots/fault-${++count}`;
  });

  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    assert.deepEqual(await bucket.uploads(), []);
  });

  const openStore = (more: Partial<Parameters<typeof testStore>[0]> = {}): ObjectStore =>
    testStore({
      endpoint: proxy.url,
      bucket: bucket.name,
      credentials: new TestCredentials(rgw),
      ...more,
      // Without a probe, so that a fault meets the request that it is meant for.
      config: { checksum: "none", ...more.config },
    });

  const requestsOf = (operation: string) => proxy.requests.filter((request) => request.operation === operation);

  const assertStored = async (body: Buffer): Promise<void> => {
    assert.ok((await bucket.get(`etcd/backups/${key}`)).equals(body));
  };

  it("open() survives a storm of SlowDown with fewer requests at a time", async () => {
    proxy.inject({ match: { operation: "UploadPart" }, times: 12, do: { answer: 503, code: "SlowDown" } });
    const body = randomBody(30 * MIB);
    await writeBody(store, { key, body });
    await assertStored(body);
    const parts = requestsOf("UploadPart");
    assert.equal(parts.filter(({ status }) => status === 503).length, 12);
  });

  it("open() waits as long as Retry-After says", async () => {
    await store.head("default/cluster.json", never);
    const headers = { "retry-after": "40" };
    proxy.inject({
      match: { operation: "CreateMultipartUpload" },
      do: { answer: 429, code: "TooManyRequests", headers },
    });
    await writeBody(store, { key, body: randomBody(6 * MIB) });
    const [first, second] = requestsOf("CreateMultipartUpload");
    assert.ok((second?.atMs ?? 0) - (first?.atMs ?? 0) >= 2000, "40 s at 20 times the pace");
  });

  it("open() gives up after ten attempts at one part and leaves nothing", async () => {
    await using single = openStore({ config: { concurrency: 1 } });
    proxy.inject({ match: { when: isPart(2) }, times: 100, do: { answer: 500, code: "InternalError" } });
    const writing = writeBody(single, { key, body: randomBody(10 * MIB) });
    await assert.rejects(writing, (error) => isBackupError(error, "STORE_UNAVAILABLE") && /part 2/.test(error.message));
    assert.equal(requestsOf("UploadPart").filter(({ partNumber }) => partNumber === 2).length, 10);
    assert.deepEqual(await bucket.keys(`etcd/backups/${key}`), []);
  });

  it("open() survives resets between and inside parts", async () => {
    const body = randomBody(60 * MIB);
    proxy.inject({ match: { operation: "UploadPart" }, times: 3, do: { drop: "before" } });
    proxy.inject({ match: { when: isPart(5) }, times: 2, do: { drop: "after" } });
    await using writer = await store.open(key, { expectedSize: 0, metadata }, never);
    for (let offset = 0; offset < body.length; offset += MIB) {
      if (offset === 20 * MIB) proxy.sever({ afterBytes: 2 * MIB });
      await writer.write(body.subarray(offset, offset + MIB));
    }
    await writer.complete();
    await assertStored(body);
  });

  it("open() drops a request that stalls and sends it again", async () => {
    await using patient = openStore({ config: { stallTimeout: 10_000 } });
    const body = randomBody(16 * MIB);
    const forever = Promise.withResolvers<void>().promise;
    const fault = proxy.inject({ match: { when: isPart(2) }, do: { hold: forever } });
    await writeBody(patient, { key, body });
    assert.equal(fault.struck, 1);
    await assertStored(body);
  });

  it("open() bears a slow link on which bytes keep moving", async () => {
    const config = { stallTimeout: 10_000, partSize: 32 * MIB };
    await using patient = openStore({ clock: fastClock(4), config });
    proxy.slow(6 * MIB);
    await writeBody(patient, { key, body: randomBody(32 * MIB) });
    assert.equal(requestsOf("PutObject").length, 1, "5 s, of which no 2.5 s were silent");
  });

  it("open() keeps to the bandwidth", async () => {
    await using capped = openStore({ clock: fastClock(1), config: { bandwidth: 8 * MIB } });
    const clock = fastClock(1);
    const start = clock.monotonic();
    await writeBody(capped, { key, body: randomBody(12 * MIB) });
    assert.ok(clock.monotonic() - start > 1300);
  });

  it("open() refuses bytes that were altered on the way and sends them again", async () => {
    const body = randomBody(16 * MIB);
    const fault = proxy.inject({ match: { when: isPart(3) }, times: 2, do: { flipRequestByte: 1000 } });
    await writeBody(store, { key, body });
    assert.equal(fault.struck, 2);
    await assertStored(body);
  });

  it("complete() finds the object when the answer to it is lost", async () => {
    const fault = proxy.inject({ match: { operation: "CompleteMultipartUpload" }, do: { drop: "after" } });
    const body = randomBody(11 * MIB);
    const written = await writeBody(store, { key, body });
    assert.equal(written.size, body.length);
    assert.equal(fault.struck, 1);
    assert.equal(requestsOf("CompleteMultipartUpload").length, 1);
    await assertStored(body);
  });

  it("complete() finds the object when a second try finds no upload", async () => {
    proxy.inject({ match: { operation: "CompleteMultipartUpload" }, do: { drop: "after" } });
    proxy.inject({ match: { operation: "HeadObject" }, do: { answer: 404 } });
    // RGW remembers what it completed and says yes once more; others, AWS among them, do not for long.
    proxy.inject({ match: { operation: "CompleteMultipartUpload" }, do: { answer: 404, code: "NoSuchUpload" } });
    const body = randomBody(11 * MIB);
    await writeBody(store, { key, body });
    await assertStored(body);
  });

  it("complete() tries again after a 5xx that made no object, and after a 200 that holds an error", async () => {
    proxy.inject({
      match: { operation: "CompleteMultipartUpload" },
      times: 2,
      do: { answer: 500, code: "InternalError" },
    });
    const error = "<Error><Code>InternalError</Code><Message>We encountered an error</Message></Error>";
    proxy.inject({ match: { operation: "CompleteMultipartUpload" }, do: { answer: 200, body: error } });
    const body = randomBody(11 * MIB);
    await writeBody(store, { key, body });
    assert.equal(requestsOf("CompleteMultipartUpload").length, 4);
    await assertStored(body);
  });

  it("complete() does not take another's object for its own", async () => {
    await bucket.put(`etcd/backups/${key}`, randomBody(11 * MIB));
    proxy.inject({
      match: { operation: "CompleteMultipartUpload" },
      times: 99,
      do: { answer: 500, code: "InternalError" },
    });
    const writing = writeBody(store, { key, body: randomBody(11 * MIB) });
    await assert.rejects(writing, (error) => isBackupError(error, "STORE_UNAVAILABLE"));
    assert.equal((await bucket.keys(`etcd/backups/${key}`)).length, 1);
  });

  it("open() leaves no second upload when the answer to the first one was lost", async () => {
    const fault = proxy.inject({ match: { operation: "CreateMultipartUpload" }, do: { drop: "after" } });
    const body = randomBody(11 * MIB);
    await writeBody(store, { key, body });
    assert.equal(fault.struck, 1);
    await assertStored(body);
  });

  it("open() leaves no upload when it is interrupted before the answer", async () => {
    const interrupted = new AbortController();
    proxy.inject({ match: { operation: "CreateMultipartUpload" }, do: { drop: "after" } });
    proxy.inject({ match: { operation: "CreateMultipartUpload" }, do: { hold: Promise.withResolvers().promise } });
    const opening = store.open(key, { expectedSize: 0, metadata }, interrupted.signal);
    while (requestsOf("CreateMultipartUpload").length < 2) await new Promise(setImmediate);
    interrupted.abort(new Error("SIGTERM"));
    await assert.rejects(opening, /SIGTERM/);
  });

  it("create() sees its own success when the answer to it is lost", async () => {
    const fault = proxy.inject({ match: { operation: "PutObject" }, do: { drop: "after" } });
    const { outcome } = await store.create(`${key}.json`, Buffer.from('{"a":1}'), never);
    assert.equal(outcome, "identical");
    assert.equal(fault.struck, 1);
    assert.equal(requestsOf("PutObject").at(-1)?.status, 412);
  });

  it("create() reports a conflict when another writer was faster with other bytes", async () => {
    proxy.inject({ match: { operation: "HeadObject" }, do: { answer: 404 } });
    await bucket.put(`etcd/backups/${key}.json`, "theirs");
    const creating = store.create(`${key}.json`, Buffer.from("ours"), never);
    await assert.rejects(creating, (error) => isBackupError(error, "STORE_CONFLICT"));
    assert.equal(String(await bucket.get(`etcd/backups/${key}.json`)), "theirs");
  });

  it("create() tries again after ConditionalRequestConflict", async () => {
    const answer = { answer: 409, code: "ConditionalRequestConflict" };
    proxy.inject({ match: { operation: "PutObject" }, times: 2, do: answer });
    assert.equal((await store.create(`${key}.json`, Buffer.from("x"), never)).outcome, "created");
  });

  it("read() rejects with the signal's reason when aborted", async () => {
    await using direct = openStore({ endpoint: rgw.endpoint });
    await bucket.put(`etcd/backups/${key}`, randomBody(8 * MIB));
    const interrupted = new AbortController();
    const reason = new Error("SIGTERM");
    const reading = async (): Promise<void> => {
      for await (const chunk of direct.read(key, undefined, interrupted.signal)) if (chunk) interrupted.abort(reason);
    };
    await assert.rejects(reading, (error) => error === reason);
  });

  it("get() tries again when the body is cut", async () => {
    await bucket.put(`etcd/backups/${key}`, "some record");
    proxy.inject({ match: { operation: "GetObject" }, times: 3, do: { cutResponseAfter: 4 } });
    assert.equal(Buffer.from((await store.get(key, never)) ?? []).toString(), "some record");
  });

  it("now() is the service's time", async () => {
    const headers = { date: "Thu, 01 Jan 2032 00:00:00 GMT" };
    proxy.inject({ match: { operation: "HeadObject" }, do: { answer: 404, headers } });
    await store.head(key, never);
    assert.ok(Math.abs(store.now() - Date.parse(headers.date)) < 60_000);
  });

  it("list() fails with a hint when S3 stays away", async () => {
    proxy.refuse();
    const listing = Array.fromAsync(store.list("default/", never));
    await assert.rejects(
      listing,
      (error) => error instanceof BackupError && error.code === "STORE_UNAVAILABLE" && !!error.hint,
    );
  });

  it("says that an upload is lost which the service does not know any more", async () => {
    proxy.inject({ match: { operation: "UploadPart", when: isPart(2) }, do: { answer: 404, code: "NoSuchUpload" } });
    await assert.rejects(writeBody(store, { key, body: randomBody(20 * MIB) }), (error) =>
      isBackupError(error, "STORE_UPLOAD_LOST"),
    );
  });

  it("says that an upload is lost which is gone when it is to be completed, and has made no object", async () => {
    const answer = { answer: 404, code: "NoSuchUpload" };
    proxy.inject({ match: { operation: "CompleteMultipartUpload" }, do: answer });
    await assert.rejects(writeBody(store, { key, body: randomBody(11 * MIB) }), (error) =>
      isBackupError(error, "STORE_UPLOAD_LOST"),
    );
    assert.deepEqual(await bucket.keys(`etcd/backups/${key}`), []);
  });

  it("says that an upload is lost which somebody else has aborted", async () => {
    await using direct = openStore({ endpoint: rgw.endpoint });
    await using writer = await direct.open(key, { expectedSize: 0, metadata }, never);
    for (const { key: Key, uploadId: UploadId } of await bucket.uploads()) {
      await bucket.client.send(new AbortMultipartUploadCommand({ Bucket: bucket.name, Key, UploadId }));
    }
    const writing = async (): Promise<void> => {
      await writer.write(randomBody(11 * MIB));
      await writer.complete();
    };
    await assert.rejects(writing, (error) => isBackupError(error, "STORE_UPLOAD_LOST"));
  });

  it("leaves no upload when it is interrupted while one begins", async () => {
    const stop = new AbortController();
    const reason = new BackupError("INTERRUPTED", "stop");
    proxy.inject({
      match: { operation: "CreateMultipartUpload" },
      do: { hold: Promise.resolve().then(() => setImmediate(() => stop.abort(reason))) },
    });
    await assert.rejects(
      writeBody(store, { key, body: randomBody(20 * MIB) }, stop.signal),
      (error) => error === reason,
    );
  });

  it("read() refuses ranges that the service ignores, and leaves no connection behind", async () => {
    await bucket.put(`etcd/backups/${key}`, randomBody(2 * MIB));
    const body = "x".repeat(2 * MIB);
    proxy.inject({ match: { operation: "GetObject" }, times: 12, do: { answer: 200, body } });
    for (let times = 0; times < 12; times++) {
      await assert.rejects(readBody(store, key, { start: 5, end: 9 }), (error) =>
        isBackupError(error, "STORE_REFUSED"),
      );
    }
    assert.equal((await readBody(store, key, { start: 5, end: 9 })).length, 5);
  });

  it("list() and listUnfinished() do not take half a list for a whole one", async () => {
    for (const operation of ["ListObjectsV2", "ListMultipartUploads"]) {
      const name = operation === "ListObjectsV2" ? "ListBucketResult" : "ListMultipartUploadsResult";
      const body = `<${name}><IsTruncated>true</IsTruncated></${name}>`;
      proxy.inject({ match: { operation }, do: { answer: 200, body, headers: { "content-type": "text/xml" } } });
    }
    const cutShort = {
      code: "STORE_REFUSED",
      message: /"s3:[^"]*\/etcd\/backups\/default\/": .* not where it goes on/,
    };
    await assert.rejects(Array.fromAsync(store.list("default/", never)), cutShort);
    await assert.rejects(Array.fromAsync(store.listUnfinished("default/", never)), cutShort);
  });

  it("refuses an object at once that is too large to be a record, and goes on with the next", async () => {
    await bucket.put("etcd/backups/default/manifests/large.json", randomBody(17 * MIB));
    for (let times = 0; times < 12; times++) {
      await assert.rejects(store.get("default/manifests/large.json", never), (error) =>
        isBackupError(error, "STORE_CONFLICT"),
      );
    }
    assert.equal(proxy.requests.filter(({ operation }) => operation === "GetObject").length, 12);
    assert.equal(await store.get("default/manifests/none.json", never), undefined);
  });
});
