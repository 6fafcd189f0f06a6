import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import net, { connect, type Server } from "node:net";
import { describe, test } from "node:test";
import { isBackupError } from "../../../src/errors.ts";
import { createRunLock } from "../../../src/locks/abstract-socket.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const { signal } = new AbortController();
const isHeld = (error: unknown): boolean => isBackupError(error, "ALREADY_RUNNING");
const uniqueName = (): string => `test ${process.pid} ${Math.random()}`;

describe("createRunLock()", () => {
  test("lets a name be taken once, and again when it was given back", async () => {
    const lock = createRunLock({ clock: new FakeClock() });
    const name = uniqueName();

    const first = await lock.acquire(name, 0, signal);
    await assert.rejects(lock.acquire(name, 0, signal), isHeld);
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();

    await using _second = await lock.acquire(name, 0, signal);
  });

  test("holds on when nobody can be shown out for want of descriptors, however often", async (t) => {
    const servers: Server[] = [];
    const { createServer } = net;
    t.mock.method(net, "createServer", (...given: Parameters<typeof createServer>) => {
      const server = createServer(...given);
      servers.push(server);
      return server;
    });
    syncBuiltinESMExports();
    const lock = createRunLock({ clock: new FakeClock() });
    const name = uniqueName();
    await using _held = await lock.acquire(name, 0, signal);
    t.mock.restoreAll();
    syncBuiltinESMExports();

    for (let count = 0; count < 2; count++) servers[0]?.emit("error", new Error("accept EMFILE"));

    assert.equal(servers.length, 1);
    await assert.rejects(lock.acquire(name, 0, signal), isHeld);
  });

  test("keeps different names apart, also when they are long and begin alike", async () => {
    const lock = createRunLock({ clock: new FakeClock() });
    const name = uniqueName().padEnd(300, "x");

    await using _one = await lock.acquire(`${name}1`, 0, signal);
    await using _two = await lock.acquire(`${name}2`, 0, signal);
  });

  test("gets the lock within the wait when its holder lets go", async () => {
    const clock = new FakeClock();
    const lock = createRunLock({ clock });
    const name = uniqueName();
    const first = await lock.acquire(name, 0, signal);

    const waiting = lock.acquire(name, 60_000, signal);
    await untilSleeping(clock);
    await first[Symbol.asyncDispose]();
    await clock.advance(250);

    await using _second = await waiting;
  });

  test("gives up at the end of the wait, and not before", async () => {
    const clock = new FakeClock();
    const lock = createRunLock({ clock });
    const name = uniqueName();
    await using _first = await lock.acquire(name, 0, signal);
    let over = false;

    const waiting = assert.rejects(lock.acquire(name, 600, signal), isHeld).then(() => {
      over = true;
    });
    for (const passed of [250, 250]) {
      await untilSleeping(clock);
      assert.equal(over, false);
      await clock.advance(passed);
    }
    await untilSleeping(clock);
    await clock.advance(100);

    await waiting;
    assert.equal(clock.monotonic(), 600);
  });

  test("stops waiting with the reason of its signal", async () => {
    const clock = new FakeClock();
    const lock = createRunLock({ clock });
    const name = uniqueName();
    await using _first = await lock.acquire(name, 0, signal);
    const stop = new AbortController();

    const waiting = lock.acquire(name, 60_000, stop.signal);
    await untilSleeping(clock);
    const reason = new Error("stop");
    const rejected = assert.rejects(waiting, (error) => error === reason);
    stop.abort(reason);

    await rejected;
  });

  test("holds off another process until SIGKILL ends it", async () => {
    const lock = createRunLock({ clock: new FakeClock() });
    const name = uniqueName();
    const child = await holdInChild(name);
    try {
      await assert.rejects(lock.acquire(name, 0, signal), isHeld);
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }

    await using _freed = await lock.acquire(name, 0, signal);
  });

  test("shows out whoever connects, and is given back all the same", async () => {
    const lock = createRunLock({ clock: new FakeClock() });
    const name = uniqueName();
    const held = await lock.acquire(name, 0, signal);
    const hint = await lock.acquire(name, 0, signal).catch((error: unknown) => isBackupError(error) && error.hint);
    const prefix = /grep (\S+)`/.exec(`${hint}`)?.[1];
    assert.match(`${prefix}`, /^etcd-ark\/[0-9a-f]{12}$/);
    const path = await abstractSocket(`${prefix}`);

    const visitor = connect({ path: `\0${path}` });
    visitor.on("error", () => undefined);
    await once(visitor, "close");
    await held[Symbol.asyncDispose]();
  });
});

/** The attempts are I/O, which no clock moves. */
async function untilSleeping(clock: FakeClock): Promise<void> {
  while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
}

async function holdInChild(name: string): Promise<ChildProcess> {
  const script = new URL("lock-holder.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, name], { stdio: ["pipe", "pipe", "inherit"] });
  const [said] = await once(child.stdout, "data");
  assert.equal(String(said), "held\n");
  return child;
}

/** The whole name, as the hint's `ss` finds it: it reads the same file of the kernel. */
async function abstractSocket(prefix: string): Promise<string> {
  const found = new RegExp(`@(${prefix}[0-9a-f]*)`).exec(await readFile("/proc/net/unix", "utf8"))?.[1];
  assert.ok(found);
  return found;
}
