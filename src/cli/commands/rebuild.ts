import type { Command } from "commander";
import { failuresOf, onEach, valuesOf } from "../../backup/destination.ts";
import { BackupError } from "../../errors.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { importSnapshots } from "../../rebuild/import-snapshots.ts";
import type { Outcome } from "../../rebuild/outcome.ts";
import { rebuildManifests } from "../../rebuild/rebuild-manifests.ts";
import { printResult } from "../print-result.ts";
import type { Session } from "../session.ts";

/** As the parser gives them. */
export interface RebuildFlags {
  readonly from?: string;
  readonly clusterId?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

export function addRebuildOptions(command: Command): Command {
  return command
    .option(
      "--from <folder>",
      "import k3s's snapshots instead: its folder of the bucket, or a local directory by its path",
    )
    .option(
      "--cluster-id <hex>",
      "etcd's cluster id, for a folder whose cluster.json is lost, when etcd cannot be asked",
    )
    .option("--dry-run", "look at everything and only say what would be done")
    .option("--force", "take objects that are younger than an hour too");
}

/**
 * `rebuild`: manifests for snapshots that have none, after a look as deep as `verify` takes. Rejects with
 * `SNAPSHOT_CORRUPT` when something was left out because of what it is, after all were tried and said.
 */
export async function rebuild(session: Session, flags: RebuildFlags): Promise<void> {
  const { app, terminal, format } = session;
  const dryRun = flags.dryRun ?? false;
  await using _lock = await app.lock.acquire(app.lockNames.run, 0, terminal.signal);
  const outcomes: Outcome[] = [];
  try {
    for await (const outcome of outcomesOf(session, flags)) outcomes.push(outcome);
  } finally {
    const data = outcomes.map((outcome) => ({ ...outcome, dryRun }));
    printResult(terminal, { format, data, text: () => outcomes.map((each) => toText(each, dryRun)).join("") });
  }
  if (outcomes.length === 0) terminal.stderr.write(`Nothing to ${flags.from === undefined ? "rebuild" : "import"}\n`);
  warnOfClusters(outcomes, session);
  failIfLeftOut(outcomes);
}

async function* outcomesOf(session: Session, flags: RebuildFlags): AsyncGenerator<Outcome> {
  const { app, terminal } = session;
  const { from, force = false, dryRun = false } = flags;
  const context = { backup: app.context, verify: app.verify };
  const fallback = await uuidOfAny(session);
  const options = { dryRun, clusterId: clusterIdOf(flags), fallback };
  if (from !== undefined) {
    await using folder = app.otherFolder(from);
    refuseOwnFolder(session, folder);
    return yield* importSnapshots(context, { ...options, from: folder }, terminal.signal);
  }
  let failure: { readonly error: unknown } | undefined;
  for (const destination of app.context.destinations) {
    try {
      yield* rebuildManifests(context, { ...options, destination, force }, terminal.signal);
    } catch (error) {
      // What is lost in one store is not to wait for the other one.
      terminal.signal.throwIfAborted();
      failure ??= { error };
    }
  }
  if (failure) throw failure.error;
}

/** Importing from there would copy each snapshot of ours beside itself. */
function refuseOwnFolder({ app, config }: Session, folder: ObjectStore): void {
  const own = app.context.destinations.find(({ store }) => folder.url("").startsWith(store.url(`${config.cluster}/`)));
  if (!own) return;
  throw new BackupError("USAGE", `Cannot import from "${folder.url("")}": it is this cluster's own folder`, {
    hint: "Run `etcd-ark rebuild` without --from to rebuild manifests there",
  });
}

/** All folders of a cluster are to have the same; a new one when none is signed. */
async function uuidOfAny({ app, terminal }: Session): Promise<string> {
  const inputs = app.context.destinations.map((destination) => ({ destination }));
  const identities = await onEach(inputs, ({ destination }) => destination.catalog.identity(terminal.signal));
  terminal.signal.throwIfAborted();
  const [uuid] = valuesOf(identities).flatMap((identity) => identity?.uuid ?? []);
  if (uuid === undefined) for (const { error } of failuresOf(identities)) throw error;
  return uuid ?? app.context.newUuid();
}

function clusterIdOf({ clusterId }: RebuildFlags): string | undefined {
  if (clusterId === undefined || /^[0-9a-f]+$/.test(clusterId)) return clusterId;
  throw new BackupError("USAGE", `Cannot use --cluster-id "${clusterId}": it is not hexadecimal`, {
    hint: "Write it as etcd's log names it, as cluster-id",
  });
}

function toText(outcome: Outcome, dryRun: boolean): string {
  const { action, key, store } = outcome;
  const would = dryRun ? "would be " : "";
  switch (action) {
    case "rebuilt":
      return `${would}rebuilt ${outcome.name} in ${store}\n`;
    case "imported":
      return `${would}imported ${key} as ${outcome.name} in ${store}\n`;
    case "there already":
      return `there already ${key} as ${outcome.name} in ${store}\n`;
    case "left out":
      return `left out ${key}: ${outcome.why}\n`;
  }
}

/** k3s never looks at whose snapshots a folder holds. */
function warnOfClusters(outcomes: readonly Outcome[], { terminal }: Session): void {
  const clusters = new Set(outcomes.flatMap((each) => (each.action === "imported" ? (each.k3sCluster ?? []) : [])));
  if (clusters.size < 2) return;
  terminal.stderr.write(`warning: the folder has snapshots of several k3s clusters: ${[...clusters].join(", ")}\n`);
}

function failIfLeftOut(outcomes: readonly Outcome[]): void {
  const findings = outcomes.flatMap((each) => (each.action === "left out" && each.isFinding ? [each] : []));
  const [first] = findings;
  if (first === undefined) return;
  const more = findings.length > 1 ? `, and ${findings.length - 1} more` : "";
  throw new BackupError("SNAPSHOT_CORRUPT", `Cannot take "${first.key}"${more}: ${first.why}`, {
    hint: "Everything else was taken; what was left out is as it was",
  });
}
