import { Catalog } from "../../src/backup/catalog.ts";
import type { BackupContext } from "../../src/backup/context.ts";
import type { Destination } from "../../src/backup/destination.ts";
import { type BackupRequest, type BackupResult, takeBackup } from "../../src/backup/take-backup.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import type { LocalState } from "../../src/ports/local-state.ts";
import { FakeClock } from "./fake-clock.ts";
import { FakeSource } from "./fake-source.ts";
import { MemoryStore, type MemoryStoreOptions } from "./memory-store.ts";
import { TelemetryRecorder } from "./telemetry-recorder.ts";

export const CLUSTER = "prod";
/** What a folder holds before any snapshot is in it, in order. */
export const FOLDER = [`${CLUSTER}/RUNBOOK.txt`, `${CLUSTER}/cluster.json`];

/** Remembers in memory, for as long as the test keeps it. */
class MemoryState implements LocalState {
  readonly known = new Map<string, string>();

  async recall(store: string, cluster: string): Promise<string | undefined> {
    return this.known.get(`${store} ${cluster}`);
  }

  async remember({ store, cluster, uuid }: { store: string; cluster: string; uuid: string }): Promise<void> {
    this.known.set(`${store} ${cluster}`, uuid);
  }
}

/** Operations on memory: a fake etcd, stores in memory, a clock that stands still. */
export class BackupLab {
  readonly clock = new FakeClock();
  readonly source = new FakeSource();
  readonly telemetry = new TelemetryRecorder();
  readonly state = new MemoryState();
  readonly stores: MemoryStore[];
  readonly context: BackupContext;
  readonly never = new AbortController().signal;
  #uuids = 0;

  constructor(options: Partial<BackupContext> & { stores?: number; store?: Partial<MemoryStoreOptions> } = {}) {
    const { stores = 1, store, ...overrides } = options;
    this.stores = Array.from(
      { length: stores },
      (_, index) => new MemoryStore({ clock: this.clock, id: `m${index + 1}`, ...store }),
    );
    this.context = {
      cluster: CLUSTER,
      node: "cp-1",
      distribution: "",
      writer: "etcd-ark/test",
      compression: { algorithm: "none" },
      holdLimitMs: 120_000,
      destinations: this.stores.map((each) => destinationOf(each)),
      source: this.source,
      spool: undefined,
      state: this.state,
      telemetry: this.telemetry,
      clock: this.clock,
      random: Math.random,
      newUuid: () => `uuid-${++this.#uuids}`,
      cleanUpSignal: () => this.never,
      ...overrides,
    };
  }

  get store(): MemoryStore {
    const [store] = this.stores;
    if (!store) throw new Error("the lab has no store");
    return store;
  }

  get destination(): Destination {
    const [destination] = this.context.destinations;
    if (!destination) throw new Error("the lab has no destination");
    return destination;
  }

  async backUp(request: Partial<BackupRequest> = {}, signal = this.never): Promise<BackupResult> {
    const { destinations } = this.context;
    const tick = this.clock.now();
    return await takeBackup(this.context, { kind: "scheduled", tick, prefix: "ark", destinations, ...request }, signal);
  }

  /** One backup that is expected to be stored everywhere; its manifest in the first store. */
  async manifest(request: Partial<BackupRequest> = {}): Promise<Manifest> {
    const { outcomes } = await this.backUp(request);
    for (const outcome of outcomes) if ("error" in outcome) throw outcome.error;
    const [first] = outcomes;
    if (!first || !("value" in first)) throw new Error("no backup was stored");
    return first.value;
  }
}

export function destinationOf(store: MemoryStore): Destination {
  return { store, catalog: new Catalog(store, CLUSTER) };
}
