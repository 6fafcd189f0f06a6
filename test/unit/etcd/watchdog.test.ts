import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isBackupError } from "../../../src/errors.ts";
import { watchStream } from "../../../src/etcd/watchdog.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const stallTimeoutMs = 30_000;

describe("watchStream()", () => {
  it("ends a stream that was silent for the whole time-out", async () => {
    using watch = start({ silenceMs: (clock) => clock.monotonic() });

    await watch.clock.advance(stallTimeoutMs - 1);
    assert.equal(watch.found(), undefined);
    await watch.clock.advance(1);
    assert.match(String(watch.found()), /nothing came for 30 s/);
    assert.ok(isBackupError(watch.found(), "ETCD_STREAM_BROKEN"));
  });

  it("measures the silence from the last byte", async () => {
    using watch = start({ silenceMs: (clock) => clock.monotonic() - 25_000 });

    await watch.clock.advance(54_999);
    assert.equal(watch.found(), undefined);
    await watch.clock.advance(1);
    assert.match(String(watch.found()), /nothing came/);
  });

  it("pings every ten seconds, which etcd allows, and ends a stream whose ping is not answered", async () => {
    const pings: number[] = [];
    using watch = start({
      ping: async (clock) => {
        pings.push(clock.monotonic());
        if (pings.length === 3) await new Promise(() => undefined);
      },
    });

    await watch.clock.advance(34_999);
    assert.equal(watch.found(), undefined);
    await watch.clock.advance(1);
    assert.deepEqual(pings, [10_000, 20_000, 30_000]);
    assert.match(String(watch.found()), /did not answer a ping within 5 s/);
  });

  it("waits no longer for a ping that was answered", async () => {
    using watch = start({});
    await watch.clock.advance(10_000);
    assert.equal(watch.clock.sleeping, 2);
  });

  it("leaves nothing behind when the stream has ended", async () => {
    const watch = start({});
    await watch.clock.advance(12_000);
    watch[Symbol.dispose]();
    await watch.clock.advance(0);
    assert.equal(watch.clock.sleeping, 0);
  });
});

function start(options: { silenceMs?: (clock: FakeClock) => number; ping?: (clock: FakeClock) => Promise<void> }) {
  const clock = new FakeClock();
  const ended = new AbortController();
  const { silenceMs = () => 0, ping = () => Promise.resolve() } = options;
  let found: unknown;
  watchStream({ clock, stallTimeoutMs, silenceMs: () => silenceMs(clock), ping: () => ping(clock) }, ended.signal).then(
    (error) => {
      found = error;
    },
    () => undefined,
  );
  return { clock, found: () => found, [Symbol.dispose]: () => ended.abort() };
}
