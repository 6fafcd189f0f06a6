import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runDaemon } from "../../../src/daemon/daemon.ts";
import type { DaemonOptions } from "../../../src/daemon/options.ts";
import { BackupError } from "../../../src/errors.ts";
import type { Instant } from "../../../src/model/time.ts";
import type { RunLock } from "../../../src/ports/run-lock.ts";
import type { Ticker } from "../../../src/ports/ticker.ts";
import { BackupLab, CLUSTER, destinationOf, FOLDER } from "../../support/backup-lab.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { FakeSource } from "../../support/fake-source.ts";
import { MemoryStore } from "../../support/memory-store.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const KEEP_ALL: DaemonOptions["retention"] = {
  ...{ last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: 0, timezone: "UTC", maxDeletes: 10 },
  onDemand: { last: 0, within: 0 },
};
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
    const names = { daemonLock: "daemon", runLock: "run" };
    const defaults = {
      context,
      ticker,
      schedule,
      jitterMs: 0,
      catchUp: true,
      onStart: false,
      retention: KEEP_ALL,
      duties: [],
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
    const failed = lab.telemetry.of("backupFailed");
    const told = failed.map(({ tick, attempt, error }) => [new Date(tick).toISOString(), attempt, error]);
    assert.deepEqual(told.slice(0, 2), [
      ["2026-01-05T00:00:00.000Z", 1, unreachable],
      ["2026-01-05T00:00:00.000Z", 2, unreachable],
    ]);
    assert.deepEqual(told.at(-1), ["2026-01-05T01:00:00.000Z", 1, unreachable]);
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
    const intents = () => lab.store.keys.filter((key) => key.includes("/runs/"));
    lab.store.put(`${CLUSTER}/runs/ark-x.json`, '{"name":"ark-x","node":"cp-1"}');
    await lab.clock.advance(HOUR);
    await lab.start();
    assert.deepEqual(intents(), []);

    const later = `${CLUSTER}/runs/ark-y.json`;
    lab.store.put(later, '{"name":"ark-y","node":"cp-1"}');
    for (let hour = 0; hour < 23; hour++) await lab.tick();
    assert.deepEqual(intents(), [later], "a day has not gone by");
    await lab.tick();
    await lab.tick();

    assert.deepEqual(intents(), []);
    assert.equal(lab.telemetry.of("sweepFinished").length, 2);
  });
});

/** Three nodes that back up one cluster into one folder: their clocks are right, a day ahead, and a day behind. */
class ThreeNodes implements AsyncDisposable {
  /** The service's, which is right. */
  readonly clock = new FakeClock();
  readonly store = new MemoryStore({ clock: this.clock });
  readonly source = new FakeSource();
  readonly labs: readonly DaemonLab[];

  constructor() {
    this.labs = [0, DAY, -DAY].map((off, index) => {
      const destinations = [destinationOf(this.store)];
      const lab = new DaemonLab({ node: `cp-${index + 1}`, source: this.source, destinations });
      lab.clock.step(off);
      return lab;
    });
  }

  /** One hour, in which each node has its tick, one after the other. Gives the names of their snapshots. */
  async hour(): Promise<string[]> {
    const taken: string[] = [];
    for (const lab of this.labs) {
      await this.advance(HOUR / 4);
      this.source.revision += 1n;
      const before = this.names;
      lab.ticker.fire(lab.ticker.previous(undefined, lab.clock.now()));
      await lab.clock.advance(0);
      taken.push(...this.names.filter((name) => !before.includes(name)));
    }
    await this.advance(HOUR / 4);
    return taken;
  }

  async advance(ms: number): Promise<void> {
    for (const clock of [this.clock, ...this.labs.map((lab) => lab.clock)]) await clock.advance(ms);
  }

  /** The snapshots that count. */
  get names(): string[] {
    const keys = this.store.keys.filter((key) => key.includes("/manifests/"));
    return keys.map((key) => key.slice(key.lastIndexOf("/") + 1, -".json".length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lab of this.labs) await lab[Symbol.asyncDispose]();
  }
}

describe("three daemons on one folder, with clocks a day apart", () => {
  it("keep by the store's clock what retention wants, whoever prunes, and agree on the newest", async () => {
    await using nodes = new ThreeNodes();
    for (const lab of nodes.labs) {
      await lab.start({ catchUp: false, retention: { ...KEEP_ALL, last: 3, daily: 2 } });
    }
    let last: string[] = [];
    let lastOfDayBefore: string[] = [];
    for (let hour = 0; hour < 50; hour++) {
      if (hour % 24 === 0) lastOfDayBefore = last;
      const taken = await nodes.hour();
      assert.deepEqual(taken.map(nodeOf), ["cp-1", "cp-2", "cp-3"], `in hour ${hour}`);
      assert.deepEqual(nodes.names, [...taken, ...lastOfDayBefore].sort(), `after hour ${hour}`);
      last = taken.slice(-1);
      for (const { destination, never } of nodes.labs) {
        assert.deepEqual([(await destination.catalog.newest(never))?.name], last);
      }
    }
    for (const lab of nodes.labs) assert.deepEqual(lab.telemetry.of("backupFailed"), []);
  });

  it("make up for a missed tick although a node that is a day ahead has stored one meanwhile", async () => {
    await using nodes = new ThreeNodes();
    const [right, ahead] = nodes.labs;
    await ahead?.start({ onStart: true });
    await nodes.advance(20 * HOUR);

    await right?.start({ catchUp: true });

    assert.deepEqual(nodes.names.map(nodeOf).sort(), ["cp-1", "cp-2"]);
  });

  it("clear up by the store's clock after themselves, and touch nobody's live run", async () => {
    await using nodes = new ThreeNodes();
    const { clock, store } = nodes;
    const [right, ...wrong] = nodes.labs;
    const written = Promise.withResolvers<void>();
    store.onWrite = () => written.promise;
    await right?.start({ onStart: true });
    const live = [store.keys.filter((key) => key.includes("/runs/")), store.unfinished] as const;
    assert.deepEqual(
      live.map(({ length }) => length),
      [1, 1],
    );
    // So long that only its name protects it.
    await clock.advance(2 * HOUR);
    const leave = (node: string, hours: number): string => {
      const name = `ark-${node}-${hours}`;
      const key = `${CLUSTER}/runs/${name}.json`;
      return store.put(key, JSON.stringify({ name, node }), { storedAt: clock.now() - hours * HOUR }).key;
    };
    const young = wrong.map((_, index) => leave(`cp-${index + 2}`, 0.5));
    for (const index of wrong.keys()) leave(`cp-${index + 2}`, 2);
    const recent = store.leaveUnfinished(`${CLUSTER}/snapshots/ark-a`, clock.now() - 23 * HOUR);
    store.leaveUnfinished(`${CLUSTER}/snapshots/ark-b`, clock.now() - 25 * HOUR);

    for (const lab of wrong) await lab.start({ catchUp: false });

    assert.deepEqual(
      store.keys.filter((key) => key.includes("/runs/")),
      [...live[0], ...young].sort(),
    );
    assert.deepEqual(store.unfinished, [...live[1], recent]);
    written.resolve();
    await right?.clock.advance(0);
    assert.deepEqual(nodes.names.map(nodeOf), ["cp-1"]);
  });
});

function nodeOf(name: string): string {
  return name.split("-").slice(1, 3).join("-");
}
