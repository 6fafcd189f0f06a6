import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { Config } from "../../../src/config/schema.ts";
import { createAgents } from "../../../src/s3/agents.ts";
import type { Attempt } from "../../../src/s3/attempt.ts";
import { Bandwidth } from "../../../src/s3/bandwidth.ts";
import { HttpHandler } from "../../../src/s3/http-handler.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const STALL_MS = 30_000;

/** A proxy that takes connections and never answers CONNECT, and a handler that goes through it. */
async function setUp() {
  const clock = new FakeClock();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on("error", () => undefined))).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : "";
  const agents = createAgents(Config.parse({}).s3, { HTTPS_PROXY: `http://127.0.0.1:${port}` });
  const attempts = new AsyncLocalStorage<Attempt>();
  const handler = new HttpHandler({ agents, bandwidth: new Bandwidth(0, clock), clock, stallMs: STALL_MS, attempts });
  return {
    clock,
    handler,
    connected: () => once(server, "connection"),
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
    await lab.connected();

    await lab.clock.advance(STALL_MS);

    await outcome;
  });

  it("ends with the signal's reason", async () => {
    await using lab = await setUp();
    const stop = new AbortController();
    const outcome = assert.rejects(lab.handler.handle(request, { abortSignal: stop.signal }), /told to stop/);
    await lab.connected();

    stop.abort(new Error("told to stop"));

    await outcome;
    assert.equal(lab.clock.sleeping, 0);
  });
});
