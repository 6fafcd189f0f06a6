import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { Catalog } from "../backup/catalog.ts";
import type { BackupContext } from "../backup/context.ts";
import type { Config } from "../config/schema.ts";
import { createDirectoryStore } from "../directory/directory-store.ts";
import { openLocalFile } from "../directory/local-file.ts";
import { createScratch } from "../directory/scratch.ts";
import { createSpool } from "../directory/spool.ts";
import { createSnapshotSource } from "../etcd/snapshot-source.ts";
import { createRunLock } from "../locks/abstract-socket.ts";
import { jitterMs } from "../model/jitter.ts";
import type { RetentionPolicy } from "../model/retention.ts";
import type { Clock } from "../ports/clock.ts";
import type { CredentialSource } from "../ports/credentials.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { RunLock } from "../ports/run-lock.ts";
import type { SnapshotSource } from "../ports/snapshot-source.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Schedule, Ticker } from "../ports/ticker.ts";
import type { DrillContext } from "../restore/drill.ts";
import { createTicker } from "../schedule/ticker.ts";
import { stateDirectory } from "../state/state-directory.ts";
import { createLocalState } from "../state/state-file.ts";
import type { VerifyContext } from "../verify/context.ts";
import { createDrillContext } from "./drill.ts";
import { openOtherFolder } from "./other-folder.ts";
import { createS3 } from "./s3.ts";
import { systemClock } from "./system-clock.ts";
import { VERSION } from "./version.ts";

/** The program, wired for one configuration. Disposing of it closes every connection and watcher. */
export interface App extends AsyncDisposable {
  readonly context: BackupContext;
  readonly credentials: CredentialSource | undefined;
  readonly schedule: Schedule;
  readonly jitterMs: number;
  readonly retention: RetentionPolicy;
  readonly ticker: Ticker;
  readonly lock: RunLock;
  /** The locks of this node for these stores and this cluster. */
  readonly lockNames: { readonly daemon: string; readonly run: string };
  readonly verify: VerifyContext;
  readonly drill: DrillContext;
  /** A directory of local files as a store, to fetch into. */
  readonly localFiles: (directory: string) => ObjectStore;
  /** Another folder of the bucket, or a local directory, to import from. Rejects what is neither with `USAGE`. */
  readonly otherFolder: (from: string) => ObjectStore;
}

export interface AppOptions {
  readonly config: Config;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What relative paths of programs are relative to. */
  readonly workingDirectory: string;
  readonly telemetry: Telemetry;
}

/**
 * Builds every adapter; nobody else does. Nothing is connected yet when it resolves, and nothing is left running when it
 * rejects, as it does with `CONFIG_INVALID` when a file that the configuration names cannot be used.
 */
export async function createApp({ config, environment, workingDirectory, telemetry }: AppOptions): Promise<App> {
  const clock: Clock = systemClock;
  const remembered = stateDirectory(environment);
  await using building = new AsyncDisposableStack();
  const s3 = config.s3.bucket ? createS3({ config: config.s3, environment, telemetry, clock }, building) : undefined;
  const directory = config.directory.path ? createDirectoryStore({ ...config.directory, clock }) : undefined;
  const stores = [s3?.store, directory].filter((store) => store !== undefined);
  for (const store of stores) building.use(store);
  const source: SnapshotSource = building.use(createSnapshotSource({ config: config.etcd, clock, telemetry }));
  const scope = [...stores.map(({ id }) => id), config.cluster, config.node].join(" ");
  const context: BackupContext = {
    cluster: config.cluster,
    node: config.node,
    distribution: config.etcd.preset,
    writer: `etcd-ark/${VERSION}`,
    compression: config.compression,
    holdLimitMs: config.etcd.holdLimit,
    destinations: stores.map((store) => ({ store, catalog: new Catalog(store, config.cluster) })),
    source,
    spool: createSpool({ path: config.spool.path || remembered, maxSize: config.spool.maxSize, clock }),
    state: createLocalState(remembered, telemetry.warning),
    telemetry,
    clock,
    random: Math.random,
    newUuid: randomUUID,
    cleanUpSignal: () => AbortSignal.timeout(CLEAN_UP_MS),
    releaseMemory: collectGarbage,
  };
  const scratch = scratchDirectory(config, remembered);
  const verify: VerifyContext = {
    node: config.node,
    writer: context.writer,
    inMemoryBytes: VERIFY_IN_MEMORY_BYTES,
    scratch: createScratch(scratch),
    openFile: openLocalFile,
    clock,
  };
  const built = building.move();
  return {
    context,
    credentials: s3?.credentials,
    schedule: config.schedule,
    jitterMs: jitterMs(config, config.schedule.jitter),
    retention: config.retention,
    ticker: createTicker({ clock }),
    lock: createRunLock({ clock }),
    lockNames: { daemon: `daemon ${scope}`, run: `run ${scope}` },
    verify,
    drill: createDrillContext({ verify, directory: scratch, auth: config.etcd.auth, environment, workingDirectory }),
    localFiles: (path) => createDirectoryStore({ path, minFree: "0%", clock }),
    otherFolder: (from) =>
      openOtherFolder(from, { bucket: config.s3.bucket, storeIn: s3?.storeIn, workingDirectory, clock }),
    [Symbol.asyncDispose]: () => built.disposeAsync(),
  };
}

/** A service's own /tmp may be memory. */
function scratchDirectory({ spool }: Config, remembered: string): string {
  return (spool.path === "none" ? "" : spool.path) || remembered || tmpdir();
}

const CLEAN_UP_MS = 10_000;
/** Most snapshots are smaller, and the daemon stays within what a backup takes. */
const VERIFY_IN_MEMORY_BYTES = 64 * 2 ** 20;

/** Only there with `--expose-gc`, which bin/etcd-ark sets. */
const collectGarbage = globalThis.gc && (() => void globalThis.gc?.({ type: "major", flavor: "last-resort" }));
