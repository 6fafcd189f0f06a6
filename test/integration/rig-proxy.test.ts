import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { CreateMultipartUploadCommand, S3Client, UploadPartCommand } from "@aws-sdk/client-s3";
import { type TestBucket, testBucket } from "../support/aws.ts";
import { createAuthority } from "../support/certificates.ts";
import { startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";

/** Gives back what it gets. */
async function startEcho(): Promise<AsyncDisposable & { host: string }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    host: `127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
    },
  };
}

/** A client of the echo that collects what comes back. */
async function dial(proxy: FaultProxy) {
  const socket = connect(proxy.port, "127.0.0.1");
  const state = { received: 0, error: "", ended: false };
  socket.on("data", (chunk) => {
    state.received += chunk.length;
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    state.error = error.code ?? "";
  });
  socket.on("close", () => {
    state.ended = true;
  });
  await once(socket, "connect");
  return { socket, state, [Symbol.dispose]: () => void socket.destroy() };
}

/** Whether it is the connect or what follows that sees the reset is a matter of timing. */
async function roundTrip(proxy: FaultProxy): Promise<void> {
  using client = await dial(proxy);
  client.socket.write("x");
  await once(client.socket, "data");
}

describe("startFaultProxy() as a link", () => {
  it("forwards every byte and the end of either side", async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy(echo.host);
    using client = await dial(proxy);

    client.socket.end(Buffer.alloc(3_000_000, 7));
    await eventually(() => client.state.ended);

    assert.equal(client.state.received, 3_000_000);
    assert.deepEqual(proxy.bytes, { up: 3_000_000, down: 3_000_000 });
    assert.equal(client.state.error, "");
    await eventually(() => proxy.connections.open === 0);
  });

  it("resets the connection after exactly so many bytes when severed", async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy(echo.host);
    using client = await dial(proxy);

    proxy.sever({ direction: "down", afterBytes: 1000 });
    client.socket.write(Buffer.alloc(5000));
    await eventually(() => client.state.ended);

    assert.equal(proxy.bytes.down, 1000);
    assert.equal(client.state.error, "ECONNRESET");
    using second = await dial(proxy);
    second.socket.write("x");
    await eventually(() => second.state.received === 1);
  });

  it("keeps a stalled connection open, then goes on where it was", async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy(echo.host);
    using client = await dial(proxy);

    proxy.stall({ direction: "down", afterBytes: 10 });
    client.socket.write(Buffer.alloc(100));
    await eventually(() => proxy.bytes.up === 100 && client.state.received === 10);
    assert.equal(client.state.ended, false);
    proxy.resume();

    await eventually(() => client.state.received === 100);
  });

  it("caps the rate when slow", async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy(echo.host);
    using client = await dial(proxy);
    const start = process.hrtime.bigint();

    proxy.slow(100_000, "down");
    client.socket.write(Buffer.alloc(50_000));
    await eventually(() => client.state.received === 50_000);

    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    assert.ok(seconds > 0.4, `took ${seconds} s`);
  });

  it("resets new connections while it refuses", async () => {
    await using echo = await startEcho();
    await using proxy = await startFaultProxy(echo.host);

    proxy.refuse();
    await assert.rejects(roundTrip(proxy), { code: "ECONNRESET" });
    proxy.resume();

    using second = await dial(proxy);
    second.socket.write("x");
    await eventually(() => second.state.received === 1);
  });

  it("cuts etcd's connections while etcd itself stays up", async () => {
    await using cluster = await startEtcd();
    await using proxy = await startFaultProxy(cluster.endpoints[0] ?? "");

    proxy.stall();
    await assert.rejects(cluster.etcdctl("put", "a", "1", `--endpoints=${proxy.url}`, "--command-timeout=500ms"));
    proxy.resume();

    await cluster.etcdctl("put", "a", "2", `--endpoints=${proxy.url}`);
    assert.match(await cluster.etcdctl("get", "a"), /2/);
  });
});

describe("startFaultProxy() before S3", () => {
  let rgw: Rgw;
  let proxy: FaultProxy;
  let bucket: TestBucket;
  let behind: TestBucket;

  before(async () => {
    rgw = await startRgw({ shared: true });
    proxy = await startFaultProxy(rgw.endpoint, { http: true });
    const name = await rgw.createBucket();
    behind = testBucket(name, rgw, rgw);
    const { accessKeyId, secretAccessKey } = rgw;
    const credentials = { accessKeyId, secretAccessKey };
    const place = { endpoint: proxy.url, region: rgw.region, forcePathStyle: true, credentials };
    bucket = testBucket(name, { endpoint: proxy.url }, rgw, new S3Client({ ...place, maxAttempts: 1 }));
  });

  after(async () => {
    bucket[Symbol.dispose]();
    behind[Symbol.dispose]();
    await proxy[Symbol.asyncDispose]();
    await rgw[Symbol.asyncDispose]();
  });

  it("passes signed requests on and keeps a log of them", async () => {
    const Bucket = bucket.name;
    const { UploadId } = await bucket.client.send(new CreateMultipartUploadCommand({ Bucket, Key: "log/a b+ü" }));
    await bucket.client.send(
      new UploadPartCommand({ Bucket, Key: "log/a b+ü", UploadId, PartNumber: 3, Body: "part" }),
    );

    const [create, part] = proxy.requests.slice(-2);
    assert.equal(create?.operation, "CreateMultipartUpload");
    assert.equal(part?.operation, "UploadPart");
    assert.equal(part.path, `/${Bucket}/log/a b+ü`);
    assert.equal(part.accessKeyId, rgw.accessKeyId);
    assert.equal(part.uploadId, UploadId);
    assert.equal(part.partNumber, 3);
    assert.equal(part.status, 200);
    assert.ok(part.bodyBytes >= 4);
  });

  it("answers the next matching requests itself, as often as told", async () => {
    const fault = proxy.inject({ match: { operation: "PutObject" }, times: 2, do: { answer: 503, code: "SlowDown" } });

    await assert.rejects(bucket.put("answer", "x"), { name: "SlowDown" });
    assert.deepEqual(await bucket.keys("answer"), []);
    await assert.rejects(bucket.put("answer", "x"), { name: "SlowDown" });
    await bucket.put("answer", "x");

    assert.equal(fault.struck, 2);
    const statuses = proxy.requests.filter(({ path }) => path.endsWith("/answer")).map(({ status }) => status);
    assert.deepEqual(statuses, [503, 503, 200]);
    assert.deepEqual(await bucket.keys("answer"), ["answer"]);
  });

  it("drops the connection before the service has acted, or after", async () => {
    proxy.inject({ match: { path: /\/drop-before$/ }, do: { drop: "before" } });
    proxy.inject({ match: { path: /\/drop-after$/ }, do: { drop: "after" } });

    await assert.rejects(bucket.put("drop-before", "x"), { code: "ECONNRESET" });
    await assert.rejects(bucket.put("drop-after", "x"), { code: "ECONNRESET" });

    assert.deepEqual(await behind.keys("drop-"), ["drop-after"]);
  });

  it("alters, flips and cuts the body of a response", async () => {
    const body = Buffer.alloc(100_000, 1);
    await behind.put("body", body);
    const match = { operation: "GetObject" };

    proxy.inject({ match, do: { flipResponseByte: 70_000 } });
    const flipped = await bucket.get("body");
    proxy.inject({ match, do: { alterResponse: () => "other" } });
    const altered = await bucket.get("body");
    proxy.inject({ match, do: { cutResponseAfter: 5000 } });
    await assert.rejects(bucket.get("body"), { code: "ECONNRESET" });

    assert.equal(flipped[70_000], 0);
    assert.equal(Buffer.compare(flipped.fill(1, 70_000, 70_001), body), 0);
    assert.equal(altered.toString(), "other");
    assert.equal(Buffer.compare(await bucket.get("body"), body), 0);
  });

  it("flips a byte of a request, which the service's signature check refuses", async () => {
    proxy.inject({ do: { flipRequestByte: 1 } });

    await assert.rejects(bucket.put("flipped", "body"), {
      name: /XAmzContentSHA256Mismatch|BadDigest|InvalidArgument/,
    });

    assert.deepEqual(await bucket.keys("flipped"), []);
  });

  it("holds a request until told", async () => {
    const release = Promise.withResolvers<void>();
    const fault = proxy.inject({ match: { operation: "PutObject" }, do: { hold: release.promise } });
    const put = bucket.put("held", "x");
    await eventually(() => fault.struck === 1);
    assert.deepEqual(await bucket.keys("held"), []);

    release.resolve();
    await put;

    assert.deepEqual(await bucket.keys("held"), ["held"]);
  });

  it("offers https of its own before a plain service", async () => {
    const authority = createAuthority();
    await using secure = await startFaultProxy(rgw.endpoint, { tls: authority.issue() });
    using tls = testBucket(bucket.name, { endpoint: secure.url, ca: authority.cert }, rgw);

    await tls.put("secure", "x");

    assert.match(secure.url, /^https:\/\/localhost:/);
    assert.equal(secure.requests[0]?.operation, "PutObject");
    assert.deepEqual(await behind.keys("secure"), ["secure"]);
  });
});
