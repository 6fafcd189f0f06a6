import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemClock } from "../../../src/app/system-clock.ts";
import { isBackupError } from "../../../src/errors.ts";
import { parseEndpoints } from "../../../src/etcd/endpoint.ts";
import { MemberClient } from "../../../src/etcd/member-client.ts";
import { type Dialer, openSession } from "../../../src/etcd/session.ts";
import { TlsFiles } from "../../../src/etcd/tls-files.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { type SilentServer, startSilentServer } from "./silent-server.ts";

const never = new AbortController().signal;
const reason = new Error("given up");
const auth = { username: "", password: "", passwordFile: "" };
const soon = { timeoutMs: 2_000, intervalMs: 1 };

describe("a connection to a member that is frozen", () => {
  for (const [what, scheme, settings, bytes] of [
    ["before the handshake of TLS", "https", false, 1],
    ["before the settings of HTTP/2", "http", false, 1],
    // Preface, settings and their acknowledgement are less; the rest is the call.
    ["before it answers a call", "http", true, 120],
  ] as const) {
    it(`${what} is destroyed with the client`, async () => {
      await using server = await startSilentServer({ settings });
      const client = new MemberClient({ ...dialerTo(server, scheme, systemClock), auth });
      const stop = new AbortController();
      const asked = assert.rejects(client.status(stop.signal), reason);
      await eventually(() => server.received >= bytes, soon);

      stop.abort(reason);
      await asked;
      client[Symbol.dispose]();

      await eventually(() => server.open === 0, soon);
    });

    it(`${what} is destroyed when the time of a call is over, and no other is made before the next call`, async () => {
      await using server = await startSilentServer({ settings });
      // Five seconds by this clock are a tenth of one.
      const clock = { ...systemClock, now: () => systemClock.now() - 4_900 };
      using client = new MemberClient({ ...dialerTo(server, scheme, clock), auth });

      for (const accepted of [1, 2]) {
        await assert.rejects(client.status(never), (error) => isBackupError(error, "ETCD_UNAVAILABLE"));
        await eventually(() => server.open === 0, soon);
        assert.equal(server.accepted, accepted);
      }
    });

    if (settings) continue;
    it(`${what} is destroyed with the session of a snapshot that is given up`, async () => {
      await using server = await startSilentServer();
      const stop = new AbortController();
      const opened = assert.rejects(openSession(dialerTo(server, scheme, new FakeClock()), stop.signal), reason);
      await eventually(() => server.received > 0, soon);

      stop.abort(reason);
      await opened;

      await eventually(() => server.open === 0, soon);
    });

    it(`${what} is destroyed when the session of a snapshot has waited for ten seconds`, async () => {
      await using server = await startSilentServer();
      const clock = new FakeClock();
      const opened = assert.rejects(openSession(dialerTo(server, scheme, clock), never), (error) =>
        isBackupError(error, "ETCD_UNAVAILABLE"),
      );
      await eventually(() => server.received > 0, soon);

      await clock.advance(10_000);
      await opened;

      await eventually(() => server.open === 0, soon);
    });
  }
});

function dialerTo(server: SilentServer, scheme: string, clock: Clock): Dialer {
  const tls = { caFile: "", certFile: "", keyFile: "", serverName: "", skipVerify: true };
  const [endpoint = assert.fail()] = parseEndpoints({ endpoints: [`${scheme}://${server.host}`], tls });
  return { endpoint, tls, tlsFiles: new TlsFiles({ tls, clock }), clock };
}
