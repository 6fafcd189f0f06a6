import { failuresOf } from "../../backup/destination.ts";
import { type BackupResult, takeBackup } from "../../backup/take-backup.ts";
import { trimSlashes } from "../../config/rules.ts";
import type { Config } from "../../config/schema.ts";
import { BackupError, messageOf } from "../../errors.ts";
import { encodingOf } from "../../model/compression.ts";
import { layout } from "../../model/layout.ts";
import type { Manifest } from "../../model/manifest.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { formatBytes, formatDuration } from "../format.ts";
import { printResult } from "../print-result.ts";
import { progressOn } from "../progress.ts";
import type { Session } from "../session.ts";
import { pruneStores } from "./prune.ts";

export interface SaveOptions {
  /** First part of the snapshot's name. */
  readonly prefix: string;
  /** Whether retention is applied afterwards. */
  readonly prune: boolean;
}

/** `save`: one snapshot, now, into every store. */
export async function save(session: Session, { prefix, prune }: SaveOptions): Promise<void> {
  const { app, terminal, format } = session;
  const { context, lock, lockNames } = app;
  await using _lock = await lock.acquire(lockNames.run, 0, terminal.signal);
  const tick = context.clock.now();
  const onProgress = progressOn(terminal, context.clock);
  const request = { kind: "on-demand", tick, prefix, destinations: context.destinations, onProgress } as const;
  const result = await takeBackup(context, request, terminal.signal);
  const copies = result.outcomes.flatMap((outcome) =>
    "value" in outcome ? [{ store: outcome.destination.store, manifest: outcome.value }] : [],
  );
  printResult(terminal, {
    format,
    data: { ...copies[0]?.manifest, stores: copies.map(({ store }) => store.url("")) },
    text: () => copies.map((copy) => describe(session, copy)).join(""),
  });
  failIfIncomplete(result);
  if (prune) await pruneAfterwards(session);
}

interface Copy {
  readonly store: ObjectStore;
  readonly manifest: Manifest;
}

function describe({ app, config }: Session, { store, manifest }: Copy): string {
  const key = layout.snapshot(config.cluster, manifest.name, encodingOf(app.context.compression));
  const took = formatDuration(Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt));
  return [
    store.url(key),
    `  revision ${manifest.revision}, ${formatBytes(manifest.snapshotSize)} in ${took}, digest right`,
    ...manifest.suspect.map((reason) => `  SUSPECT: ${reason}`),
    ...(store.kind === "s3" && manifest.encoding.length === 0
      ? [`  k3s restores it with --etcd-s3-folder=${k3sFolder(config)}`]
      : []),
    "",
  ].join("\n");
}

/** The folder of the snapshots as k3s names it: from the bucket on, and without a slash at its end. */
export function k3sFolder({ cluster, s3 }: Pick<Config, "cluster" | "s3">): string {
  return trimSlashes(`${s3.folder}/${layout.snapshots(cluster)}`);
}

/** Promise 7: never "success" with a copy missing. */
function failIfIncomplete({ name, outcomes }: BackupResult): void {
  const failures = failuresOf(outcomes);
  const [first] = failures;
  if (!first) return;
  const where = failures.map(({ destination }) => `"${destination.store.url("")}"`).join(" and ");
  throw new BackupError("COPY_MISSING", `Cannot store snapshot "${name}" in ${where}: ${messageOf(first.error)}`, {
    hint:
      first.error instanceof BackupError && first.error.hint
        ? first.error.hint
        : "The other copy is whole; run `etcd-ark save` again",
    cause: first.error,
  });
}

async function pruneAfterwards(session: Session): Promise<void> {
  try {
    await pruneStores(session);
  } catch (error) {
    session.terminal.signal.throwIfAborted();
    throw new BackupError("FOLLOW_UP_FAILED", `The snapshot is stored, but pruning failed: ${messageOf(error)}`, {
      hint: "Run `etcd-ark prune --dry-run` to see what it would do",
      cause: error,
    });
  }
}
