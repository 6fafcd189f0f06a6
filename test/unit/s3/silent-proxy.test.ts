import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { createServer, Socket } from "node:net";
import { describe, it } from "node:test";
import { Config } from "../../../src/config/schema.ts";
import { createAgents } from "../../../src/s3/agents.ts";
import type { Attempt } from "../../../src/s3/attempt.ts";
import { Bandwidth } from "../../../src/s3/bandwidth.ts";
import { HttpHandler } from "../../../src/s3/http-handler.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const STALL_MS = 30_000;

/** A proxy that takes connections and says nothing but `greeting`, and a handler that goes through it. */
async function setUp({ greeting = "" } = {}) {
  const clock = new FakeClock();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined).resume());
    if (greeting !== "") socket.once("data", () => socket.write(greeting));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : "";
  const agents = createAgents(Config.parse({}).s3, { HTTPS_PROXY: `http://127.0.0.1:${port}` });
  const attempts = new AsyncLocalStorage<Attempt>();
  const handler = new HttpHandler({ agents, bandwidth: new Bandwidth(0, clock), clock, stallMs: STALL_MS, attempts });
  return {
    clock,
    handler,
    url: `http://127.0.0.1:${port}`,
    sockets,
    connected: async () => {
      const [socket] = await once(server, "connection");
      assert.ok(socket instanceof Socket);
      return socket;
    },
    [Symbol.asyncDispose]: async () => {
      handler.destroy();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const request = { protocol: "https:", hostname: "s3.example", port: 443, method: "GET", path: "/", headers: {} };

describe("HttpHandler behind a proxy that never answers", () => {
  it("gives a request up when nothing has moved for s3.stallTimeout", async () => {
    await using lab = await setUp();
    const handled = lab.handler.handle(request);
    const outcome = assert.rejects(handled, /no byte moved for 30 s/);
    const closed = once(await lab.connected(), "close");

    await lab.clock.advance(STALL_MS);

    await outcome;
    await closed;
  });

  it("ends with the signal's reason", async () => {
    await using lab = await setUp();
    const stop = new AbortController();
    const outcome = assert.rejects(lab.handler.handle(request, { abortSignal: stop.signal }), /told to stop/);
    const closed = once(await lab.connected(), "close");

    stop.abort(new Error("told to stop"));

    await outcome;
    await closed;
    assert.equal(lab.clock.sleeping, 0);
  });

  it("closes a tunnel in which nobody answers", async () => {
    await using lab = await setUp({ greeting: "HTTP/1.1 200 Connection established\r\n\r\n" });
    const outcome = assert.rejects(lab.handler.handle(request), /no byte moved for 30 s/);
    const socket = await lab.connected();
    const closed = once(socket, "close");
    // What comes second is the client's part of the TLS handshake.
    for (let received = 0; received < 2; received++) await once(socket, "data");

    await lab.clock.advance(STALL_MS);

    await outcome;
    await closed;
  });

  it("ends a request that waits for one of the connections", async () => {
    await using lab = await setUp();
    const stop = new AbortController();
    const { port } = new URL(lab.url);
    const plain = { ...request, protocol: "http:", hostname: "127.0.0.1", port: Number(port) };
    const handled = Array.from({ length: 9 }, () => lab.handler.handle(plain, { abortSignal: stop.signal }));
    const outcomes = handled.map((each) => assert.rejects(each, /told to stop/));
    while (lab.sockets.size < 8) await lab.connected();

    stop.abort(new Error("told to stop"));

    await Promise.all(outcomes);
    assert.equal(lab.sockets.size, 8);
  });
});
