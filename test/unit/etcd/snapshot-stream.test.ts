import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { describe, it } from "node:test";
import { isBackupError } from "../../../src/errors.ts";
import { parseEndpoints } from "../../../src/etcd/endpoint.ts";
import { CallRefused } from "../../../src/etcd/errors.ts";
import { openSession } from "../../../src/etcd/session.ts";
import { openSnapshotStream } from "../../../src/etcd/snapshot-stream.ts";
import { TlsFiles } from "../../../src/etcd/tls-files.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { snapshotMessages } from "./snapshot-messages.ts";

const database = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
const messages = snapshotMessages(database, { messageSize: 32_768 });
const ok = { "grpc-status": "0" };

describe("openSnapshotStream()", () => {
  it("asks as gRPC does, with the token", async () => {
    await using etcd = await fakeEtcd((stream) => answer(stream, messages, ok));
    await using _ = await etcd.open({ token: "secret.7" });
    assert.equal(etcd.request()[":path"], "/etcdserverpb.Maintenance/Snapshot");
    assert.equal(etcd.request()["content-type"], "application/grpc");
    assert.equal(etcd.request()["te"], "trailers");
    assert.equal(etcd.request()["token"], "secret.7");
  });

  it("lets etcd send a MiB ahead, on the stream and on the session", async () => {
    await using etcd = await fakeEtcd((stream) => start(stream).write(messages[0]));
    await using _ = await etcd.open();
    await eventually(() => (etcd.windows().session ?? 0) > 2 ** 20 - 200_000, { intervalMs: 1, timeoutMs: 1000 });
    assert.equal(etcd.windows().stream, 2 ** 20);
  });

  it("resolves with the size when the first message has come", async () => {
    await using etcd = await fakeEtcd((stream) => start(stream).write(messages[0]));
    await using snapshot = await etcd.open();
    assert.equal(snapshot.snapshotSize, database.length + 32);
  });

  it("rejects with etcd's status when it refuses", async () => {
    await using etcd = await fakeEtcd((stream) => {
      stream.respond({ ":status": 200, "grpc-status": "2", "grpc-message": "auth: user name is %22empty%22" });
      stream.end();
    });
    await assert.rejects(etcd.open(), (error) => {
      assert.ok(error instanceof CallRefused);
      assert.deepEqual(error.status, { code: 2, message: 'auth: user name is "empty"' });
      return true;
    });
  });

  it("rejects with UNAVAILABLE when something else than etcd answers", async () => {
    await using etcd = await fakeEtcd((stream) => {
      stream.respond({ ":status": 404 });
      stream.end("not found");
    });
    await assert.rejects(etcd.open(), (error) => error instanceof CallRefused && error.status.code === 14);
  });

  it("rejects with the signal's reason", async () => {
    await using etcd = await fakeEtcd((stream) => start(stream));
    const reason = new Error("stop");
    const stop = new AbortController();
    const opened = etcd.open({ signal: stop.signal });
    await etcd.asked;
    stop.abort(reason);
    await assert.rejects(opened, reason);
  });

  it("rejects with the reason of a signal that has aborted already", async () => {
    await using etcd = await fakeEtcd((stream) => start(stream));
    const reason = new Error("stop");
    await assert.rejects(etcd.open({ signal: AbortSignal.abort(reason), sessionSignal: etcd.live }), reason);
  });

  it("rejects when nothing comes for the stall time-out", async () => {
    await using etcd = await fakeEtcd((stream) => start(stream));
    const opened = etcd.open();
    await etcd.asked;
    const rejected = assert.rejects(opened, /nothing came for 30 s/);
    await passSeconds(etcd.clock, 30);
    await rejected;
  });
});

describe("SnapshotStream.pump()", () => {
  it("hands on every byte in order", async () => {
    await using etcd = await fakeEtcd((stream) => answer(stream, messages, ok));
    await using snapshot = await etcd.open();
    const blobs: Uint8Array[] = [];
    await snapshot.pump((blob) => void blobs.push(blob));
    assert.deepEqual(Buffer.concat(blobs).subarray(0, -32), database);
    await etcd.clock.advance(0);
    assert.equal(etcd.clock.sleeping, 0);
  });

  it("has one write under way, and etcd wait meanwhile", async () => {
    const large = snapshotMessages(Buffer.alloc(6 * 2 ** 20, 1), { messageSize: 32_768 });
    let sent = 0;
    await using etcd = await fakeEtcd(async (stream) => {
      start(stream, ok);
      for (const message of large) {
        sent += message.length;
        if (!stream.write(message)) await once(stream, "drain");
      }
      stream.end();
    });
    await using snapshot = await etcd.open();
    const written = Promise.withResolvers<void>();
    let calls = 0;
    let received = 0;
    const pumped = snapshot.pump((blob) => {
      calls++;
      received += blob.length;
      return calls === 20 ? written.promise : undefined;
    });
    await eventually(() => calls === 20, { intervalMs: 1 });
    const before = await settled(() => sent);

    assert.equal(calls, 20);
    // Two windows and what the kernel's buffers take.
    assert.ok(before < 4 * 2 ** 20, `etcd could send ${before} bytes`);
    written.resolve();
    await pumped;
    assert.equal(received, 6 * 2 ** 20 + 32);
  });

  it("does not take a slow writer for a stall", async () => {
    await using etcd = await fakeEtcd((stream) => answer(stream, messages, ok));
    await using snapshot = await etcd.open();
    const written = Promise.withResolvers<void>();
    let calls = 0;
    const pumped = snapshot.pump(() => (calls++ === 0 ? written.promise : undefined));
    await passSeconds(etcd.clock, 120);
    written.resolve();
    await pumped;
    assert.ok(calls > 1);
  });

  it("measures a stall from when the writer was ready again", async () => {
    const goOn = Promise.withResolvers<void>();
    await using etcd = await fakeEtcd(async (stream) => {
      start(stream, ok).write(messages[0]);
      await goOn.promise;
      stream.end(Buffer.concat(messages.slice(1)));
    });
    await using snapshot = await etcd.open();
    const written = Promise.withResolvers<void>();
    let received = 0;
    const pumped = snapshot.pump((blob) => {
      received += blob.length;
      return received === 32_768 ? written.promise : undefined;
    });
    await passSeconds(etcd.clock, 40);
    written.resolve();
    await passSeconds(etcd.clock, 25);
    goOn.resolve();
    await pumped;
    assert.equal(received, database.length + 32);
  });

  it("rejects when nothing more comes for the stall time-out", async () => {
    await using etcd = await fakeEtcd((stream) => start(stream).write(messages[0]));
    await using snapshot = await etcd.open();
    const rejected = assert.rejects(
      snapshot.pump(() => undefined),
      /nothing came for 30 s/,
    );
    await passSeconds(etcd.clock, 30);
    await rejected;
  });

  for (const { name, end } of [
    { name: "has no status", end: (stream: ServerHttp2Stream) => answer(stream, messages) },
    { name: "lacks the digest", end: (stream: ServerHttp2Stream) => answer(stream, messages.slice(0, -1), ok) },
    { name: "lacks the last bytes", end: (stream: ServerHttp2Stream) => answer(stream, messages.slice(0, 2), ok) },
    {
      name: "breaks off within a message",
      end: (stream: ServerHttp2Stream) => answer(stream, [...messages.slice(0, -1), Buffer.from([0, 0])], ok),
    },
    {
      name: "has a status that is not OK",
      end: (stream: ServerHttp2Stream) => answer(stream, messages, { "grpc-status": "14" }),
    },
    {
      name: "is reset",
      end: (stream: ServerHttp2Stream) => {
        start(stream).write(messages[0]);
        setImmediate(() => stream.close(2));
      },
    },
    {
      name: "loses its connection",
      end: (stream: ServerHttp2Stream) => {
        start(stream).write(Buffer.concat(messages));
        setImmediate(() => stream.session?.destroy());
      },
    },
  ]) {
    it(`rejects with ETCD_STREAM_BROKEN when the stream ${name}`, async () => {
      await using etcd = await fakeEtcd(end);
      await using snapshot = await etcd.open();
      await assert.rejects(
        snapshot.pump(() => undefined),
        (error) => isBackupError(error, "ETCD_STREAM_BROKEN"),
      );
    });
  }

  it("rejects with the writer's error, and writes no more", async () => {
    const reason = new Error("disk full");
    const failures = [
      () => {
        throw reason;
      },
      () => Promise.reject(reason),
    ];
    for (const fail of failures) {
      await using etcd = await fakeEtcd((stream) => answer(stream, messages, ok));
      await using snapshot = await etcd.open();
      let calls = 0;
      const write = () => {
        calls++;
        return fail();
      };
      await assert.rejects(snapshot.pump(write), reason);
      assert.equal(calls, 1);
    }
  });

  it("rejects with the signal's reason, also while the writer waits", async () => {
    await using etcd = await fakeEtcd((stream) => answer(stream, messages, ok));
    const stop = new AbortController();
    await using snapshot = await etcd.open({ signal: stop.signal });
    const pumped = snapshot.pump(() => new Promise(() => undefined));
    const reason = new Error("stop");
    stop.abort(reason);
    await assert.rejects(pumped, reason);
  });

  it("may be called once", async () => {
    await using etcd = await fakeEtcd((stream) => answer(stream, messages, ok));
    await using snapshot = await etcd.open();
    await snapshot.pump(() => undefined);
    await assert.rejects(
      snapshot.pump(() => undefined),
      /twice/,
    );
  });

  it("ends the connection and the watch with the stream", async () => {
    await using etcd = await fakeEtcd((stream) => start(stream).write(messages[0]));
    const snapshot = await etcd.open();
    await snapshot[Symbol.asyncDispose]();
    await eventually(() => etcd.connections() === 0, { intervalMs: 1 });
    assert.equal(etcd.clock.sleeping, 0);
  });
});

function start(stream: ServerHttp2Stream, trailers?: Record<string, string>): ServerHttp2Stream {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => (trailers ? stream.sendTrailers(trailers) : stream.close()));
  return stream;
}

function answer(stream: ServerHttp2Stream, bodies: readonly Buffer[], trailers?: Record<string, string>): void {
  start(stream, trailers);
  for (const body of bodies) stream.write(body);
  stream.end();
}

/** Slowly enough for pings, which are answered in real time. */
async function passSeconds(clock: FakeClock, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** The value once it has stayed the same for some turns of the loop. */
async function settled(value: () => number): Promise<number> {
  for (let last = -1, same = 0; same < 20; ) {
    same = value() === last ? same + 1 : 0;
    last = value();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return value();
}

async function fakeEtcd(onStream: (stream: ServerHttp2Stream) => unknown) {
  const clock = new FakeClock();
  const server = createServer();
  const asked = Promise.withResolvers<void>();
  let request: IncomingHttpHeaders = {};
  let session: ServerHttp2Session | undefined;
  let connections = 0;
  server.on("session", (opened) => {
    connections++;
    session = opened;
    opened.on("error", () => undefined).on("close", () => connections--);
  });
  server.on("stream", (stream, headers) => {
    request = headers;
    stream.on("error", () => undefined);
    onStream(stream);
    asked.resolve();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const tls = { caFile: "", certFile: "", keyFile: "", serverName: "", skipVerify: false };
  const endpoints = [`127.0.0.1:${typeof address === "object" ? address?.port : 0}`];
  const [endpoint = assert.fail()] = parseEndpoints({ endpoints, tls });
  const live = new AbortController();
  return {
    clock,
    asked: asked.promise,
    request: () => request,
    connections: () => connections,
    live: live.signal,
    windows: () => ({
      stream: session?.remoteSettings.initialWindowSize,
      session: session?.state.remoteWindowSize,
    }),
    async open(options: { token?: string; signal?: AbortSignal; sessionSignal?: AbortSignal } = {}) {
      const { token, signal = live.signal, sessionSignal = signal } = options;
      const dialer = { endpoint, tls, tlsFiles: new TlsFiles({ tls, clock }), clock };
      const session = await openSession(dialer, sessionSignal);
      return await openSnapshotStream({ session, token, stallTimeoutMs: 30_000, clock }, signal);
    },
    async [Symbol.asyncDispose]() {
      server.close();
      await eventually(() => connections === 0, { intervalMs: 1 });
    },
  };
}
