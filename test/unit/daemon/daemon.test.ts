import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runDaemon } from "../../../src/daemon/daemon.ts";
import type { DaemonOptions } from "../../../src/daemon/options.ts";
import { BackupError } from "../../../src/errors.ts";
import type { Instant } from "../../../src/model/time.ts";
import type { RunLock } from "../../../src/ports/run-lock.ts";
import type { Ticker } from "../../../src/ports/ticker.ts";
import { BackupLab, CLUSTER, FOLDER } from "../../support/backup-lab.ts";

const HOUR = 3_600_000;
const unreachable = new BackupError("STORE_UNAVAILABLE", "Cannot reach the store");

/** Ticks at every full hour, when the test says so. */
class HourlyTicker implements Ticker {
  fire: (tick: Instant) => void = () => undefined;

  next(_schedule: unknown, after: Instant): Instant {
    return (Math.floor(after / HOUR) + 1) * HOUR;
  }

  previous(_schedule: unknown, now: Instant): Instant {
    return Math.floor(now / HOUR) * HOUR;
  }

  start(_schedule: unknown, onTick: (tick: Instant) => void): Disposable {
    this.fire = onTick;
    return { [Symbol.dispose]: () => undefined };
  }
}

class FakeLock implements RunLock {
  readonly held = new Set<string>();

  async acquire(name: string, _waitMs: number, signal: AbortSignal): Promise<AsyncDisposable> {
    signal.throwIfAborted();
    if (this.held.has(name)) throw new BackupError("ALREADY_RUNNING", "Cannot take the lock");
    this.held.add(name);
    return { [Symbol.asyncDispose]: async () => void this.held.delete(name) };
  }
}

class DaemonLab extends BackupLab {
  readonly ticker = new HourlyTicker();
  readonly lock = new FakeLock();
  readonly #stop = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  async start(options: Partial<DaemonOptions> = {}): Promise<void> {
    const { context, ticker, lock } = this;
    const schedule = { cron: "0 * * * *", timezone: "UTC" };
    const none = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: 0 };
    const retention = { ...none, timezone: "UTC", maxDeletes: 10, onDemand: { last: 0, within: 0 } };
    const names = { daemonLock: "daemon", runLock: "run" };
    const defaults = {
      context,
      ticker,
      schedule,
      jitterMs: 0,
      catchUp: true,
      onStart: false,
      retention,
      lock,
      ...names,
    };
    this.#ended = runDaemon({ ...defaults, ...options }, this.#stop.signal);
    this.#ended.catch(() => undefined);
    await this.clock.advance(0);
  }

  /** Moves to the next full hour and lets the schedule say so. */
  async tick(): Promise<void> {
    await this.clock.advance(this.ticker.next(undefined, this.clock.now()) - this.clock.now());
    this.ticker.fire(this.clock.now());
    await this.clock.advance(0);
  }

  get snapshots(): string[] {
    return this.store.keys.filter((key) => key.includes("/manifests/"));
  }

  async stop(): Promise<void> {
    this.#stop.abort(new BackupError("INTERRUPTED", "stop"));
    await this.clock.advance(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.clock.advance(30_000);
    await this.#ended;
  }

  get ended(): Promise<void> {
    return this.#ended;
  }
}

describe("runDaemon()", () => {
  it("takes a backup at once when there is none yet, then one at every tick", async () => {
    await using lab = new DaemonLab();
    await lab.start();
    assert.equal(lab.snapshots.length, 1);

    await lab.tick();
    await lab.tick();

    assert.equal(lab.snapshots.length, 3);
    assert.equal(lab.telemetry.of("scheduleNext").length, 3);
  });

  it("ends as quietly when it is told so before it has begun", async () => {
    const lab = new DaemonLab();
    await lab.stop();

    await lab.start();
    await lab.ended;

    assert.deepEqual(lab.snapshots, []);
    assert.deepEqual(lab.telemetry.of("daemonStopping"), [{ why: "stop" }]);
  });

  it("does not make up for a tick that has its backup", async () => {
    await using lab = new DaemonLab();
    await lab.manifest();

    await lab.start();

    assert.equal(lab.snapshots.length, 1);
  });

  it("waits its own jitter after each tick", async () => {
    await using lab = new DaemonLab();
    await lab.start({ jitterMs: 90_000, catchUp: false });

    await lab.tick();
    await lab.clock.advance(89_999);
    assert.equal(lab.snapshots.length, 0);
    await lab.clock.advance(1);

    assert.equal(lab.snapshots.length, 1);
    assert.equal(lab.telemetry.of("scheduleNext")[0].at - lab.telemetry.of("scheduleNext")[0].tick, 90_000);
  });

  it("tries again with a fresh snapshot until it succeeds", async () => {
    await using lab = new DaemonLab();
    lab.store.fail({ method: "complete", error: unreachable, times: 2 });

    await lab.start();
    assert.equal(lab.snapshots.length, 0);
    await lab.clock.advance(60_000);

    assert.equal(lab.snapshots.length, 1);
    assert.equal(lab.telemetry.of("backupFailed").length, 2);
    assert.equal(lab.telemetry.of("backupFailed")[0].error, unreachable);
  });

  it("outlives a store, an etcd or credentials that are absent for long, and backs up within seconds of the last", async () => {
    await using lab = new DaemonLab();
    lab.source.down = new BackupError("ETCD_UNAVAILABLE", "Cannot reach etcd");
    await lab.start();
    await lab.clock.advance(20 * 60_000);
    const credentials = lab.store.fail({
      method: "get",
      error: new BackupError("CREDENTIALS_MISSING", "no credentials"),
      times: 1e6,
    });
    lab.source.down = undefined;
    await lab.clock.advance(20 * 60_000);
    assert.equal(lab.snapshots.length, 0);

    credentials[Symbol.dispose]();
    await lab.clock.advance(10_000);

    assert.equal(lab.snapshots.length, 1);
    const { length } = lab.telemetry.of("backupFailed");
    assert.ok(length > 2 && length < 40, `${length} failures were told in 40 minutes`);
  });

  it("gives a tick up for the next one, and says what failed", async () => {
    await using lab = new DaemonLab();
    const fault = lab.store.fail({ method: "complete", error: unreachable, times: 1e6 });
    await lab.start();
    await lab.tick();
    fault[Symbol.dispose]();
    await lab.clock.advance(HOUR - 1);

    const [key] = lab.snapshots;
    assert.equal(lab.snapshots.length, 1);
    assert.match(lab.store.text(key ?? "") ?? "", /"tick": "2026-01-05T01:00:00.000Z"/);
  });

  it("skips a tick that comes while a backup is under way, and says so", async () => {
    await using lab = new DaemonLab();
    let release = (): void => undefined;
    lab.store.onWrite = () => new Promise((resolve) => (release = resolve));
    await lab.start();
    lab.ticker.fire(lab.clock.now() + HOUR);
    lab.store.onWrite = undefined;
    release();
    await lab.clock.advance(60_000);

    assert.equal(lab.telemetry.of("backupSkipped").length, 1);
    assert.equal(lab.snapshots.length, 1);
  });

  it("takes the backup for a tick that came while etcd and the stores were asked, and for no older one", async () => {
    await using lab = new DaemonLab();
    await lab.start({ catchUp: false });
    const { source } = lab;
    const choose = source.choose.bind(source);
    source.choose = async (avoid, signal) => {
      source.choose = choose;
      await lab.clock.sleep(5000, signal);
      return await choose(avoid, signal);
    };
    const first = lab.clock.now() + HOUR;
    lab.ticker.fire(first);
    await lab.clock.advance(4000);
    assert.equal(lab.snapshots.length, 0);
    lab.ticker.fire(first + HOUR);
    await lab.clock.advance(HOUR);

    const [key] = lab.snapshots;
    assert.equal(lab.snapshots.length, 1);
    assert.match(lab.store.text(key ?? "") ?? "", new RegExp(`"tick": "${new Date(first + HOUR).toISOString()}"`));
  });

  it("begins no backup once it is told to stop, though the lock is free then", async () => {
    const lab = new DaemonLab();
    const taken = Promise.withResolvers<void>();
    const acquire = lab.lock.acquire.bind(lab.lock);
    lab.lock.acquire = async (name, waitMs, signal) => {
      if (name === "run") await Promise.race([taken.promise, lab.clock.sleep(waitMs, signal)]);
      return await acquire(name, waitMs, signal);
    };
    await lab.start();
    await lab.stop();
    taken.resolve();
    await lab.clock.advance(30_000);
    await lab.ended;

    assert.deepEqual(lab.snapshots, []);
  });

  it("makes up for a missed tick although a snapshot was taken by hand since", async () => {
    await using lab = new DaemonLab();
    await lab.manifest({ kind: "on-demand" });

    await lab.start();

    assert.equal(lab.snapshots.length, 2);
  });

  it("says what a store keeps failing with, when there is no time to wait for the end of it", async () => {
    await using lab = new DaemonLab();
    lab.store.get = (_key, signal) => lab.clock.sleep(60_000, signal).then(() => undefined);
    lab.store.trouble = () => unreachable;
    await lab.start();
    await lab.clock.advance(10_000);

    assert.equal(lab.telemetry.of("backupFailed")[0].error, unreachable);
  });

  it("clears up an hour later when it could not at the start", async () => {
    await using lab = new DaemonLab();
    lab.store.put(`${CLUSTER}/runs/ark-x.json`, '{"name":"ark-x","node":"cp-1"}');
    await lab.clock.advance(HOUR);
    lab.store.fail({ method: "listUnfinished", error: unreachable, times: 1 });
    await lab.start();
    assert.equal(lab.telemetry.of("sweepFinished").length, 0);

    lab.store.put(`${CLUSTER}/runs/ark-y.json`, '{"name":"ark-y","node":"cp-1"}');
    await lab.tick();
    await lab.tick();

    assert.equal(lab.telemetry.of("sweepFinished").length, 1);
  });

  it("retries only the store that lacks the tick's snapshot", async () => {
    await using lab = new DaemonLab({ stores: 2 });
    lab.stores[0]?.fail({ method: "complete", error: unreachable, times: 1 });

    await lab.start();
    await lab.clock.advance(60_000);

    const counts = lab.stores.map(({ keys }) => keys.filter((key) => key.includes("/manifests/")).length);
    assert.deepEqual(counts, [1, 1]);
  });

  it("refuses to be the second daemon of a node", async () => {
    await using lab = new DaemonLab();
    lab.lock.held.add("daemon");

    await lab.start();

    await assert.rejects(lab.ended, (error) => error instanceof BackupError && error.code === "ALREADY_RUNNING");
    lab.lock.held.clear();
    await lab.start();
  });

  it("lets a backup under way finish when it is told to stop", async () => {
    const lab = new DaemonLab();
    let release = (): void => undefined;
    lab.store.onWrite = () => new Promise((resolve) => (release = resolve));
    await lab.start();
    await lab.stop();
    await lab.clock.advance(19_000);
    lab.store.onWrite = undefined;
    release();

    await lab.clock.advance(0);
    await lab.ended;

    assert.equal(lab.snapshots.length, 1);
    assert.equal(lab.clock.sleeping, 0);
  });

  it("aborts a backup that takes longer than 20 s to finish, and leaves nothing of it", async () => {
    const lab = new DaemonLab();
    lab.store.onWrite = () => new Promise(() => undefined);
    await lab.start();
    await lab.stop();

    await lab.clock.advance(20_000);
    await lab.ended;

    assert.deepEqual(lab.store.keys, FOLDER);
    assert.deepEqual(lab.store.unfinished, []);
  });

  it("clears up after a killed run, at start and daily", async () => {
    await using lab = new DaemonLab();
    lab.store.put(`${CLUSTER}/runs/ark-x.json`, '{"name":"ark-x","node":"cp-1"}');
    await lab.clock.advance(HOUR);

    await lab.start();

    assert.deepEqual(
      lab.store.keys.filter((key) => key.includes("/runs/")),
      [],
    );
  });
});
