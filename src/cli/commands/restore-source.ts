import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { BackupError, messageOf } from "../../errors.ts";
import { lossOf, type Wish } from "../../model/choose-snapshot.ts";
import { parseSnapshotUrl } from "../../model/snapshot-url.ts";
import { formatInstant, type Instant } from "../../model/time.ts";
import { type FoundByWish, findByUrl, findByWish, findNamed } from "../../restore/find-source.ts";
import type { RestoreSource } from "../../restore/source.ts";
import { formatDuration } from "../format.ts";
import { type CommonOptions, openSession } from "../open-session.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import type { WishedRestore } from "./restore-flags.ts";

/** A snapshot, and the session that its store belongs to; a file needs none. */
export interface OpenedSource extends AsyncDisposable {
  readonly source: RestoreSource;
  readonly session: Session | undefined;
}

/** Finds the snapshot that the command line means. A configuration is read only where a store is needed. */
export async function openSource({ snapshot, wish, flags, common, terminal }: WishedRestore): Promise<OpenedSource> {
  const file = snapshot === undefined ? undefined : await fileOf(snapshot, terminal);
  if (file) return { source: file, session: undefined, [Symbol.asyncDispose]: async () => undefined };
  await using opening = new AsyncDisposableStack();
  const isUrl = snapshot?.startsWith("s3://") ?? false;
  const options = isUrl && snapshot !== undefined ? pointedAt(common, snapshot) : common;
  const session = opening.use(await openSession(options, terminal, { logLevel: "warn", readsOnly: !isUrl }));
  const source = await findIn(session, { snapshot, wish, force: flags.force ?? false });
  const opened = opening.move();
  return { source, session, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** With a slash in it, or there in the working directory, it is a file, and no configuration is needed. */
async function fileOf(snapshot: string, terminal: Terminal): Promise<RestoreSource | undefined> {
  if (snapshot.startsWith("s3://")) return undefined;
  const path = resolve(terminal.workingDirectory, snapshot);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) {
    terminal.stderr.write(`Taking the file ${path}\n`);
    return { kind: "file", path, sizeBytes: found.size };
  }
  if (!snapshot.includes("/")) return undefined;
  throw new BackupError("SNAPSHOT_NOT_FOUND", `Cannot restore "${path}": there is no such file`, {
    hint: "Check the path; the names of stored snapshots have no slash, see `etcd-ark list`",
  });
}

/** The options with the bucket and folder of a URL in place of those configured. */
function pointedAt(common: CommonOptions, url: string): CommonOptions {
  const { bucket, folder, cluster } = parseSnapshotUrl(url);
  const place = { "s3-bucket": bucket, "s3-folder": folder, ...(cluster !== undefined && { cluster }) };
  return { ...common, flags: { ...common.flags, ...place } };
}

interface Wanted {
  readonly snapshot: string | undefined;
  readonly wish: Wish | undefined;
  readonly force: boolean;
}

async function findIn({ app, config, terminal }: Session, { snapshot, wish, force }: Wanted): Promise<RestoreSource> {
  const { destinations, clock } = app.context;
  const stores = destinations.map(({ store }) => store);
  if (wish) {
    const now = clock.now();
    const found = await findByWish(destinations, { wish, force }, terminal.signal);
    tell(found, { until: wish.kind === "time" ? Math.min(wish.time, now) : now, terminal });
    return found.source;
  }
  const name = snapshot ?? "";
  const [bucket] = stores.filter(({ kind }) => kind === "s3");
  if (name.startsWith("s3://") && bucket) {
    const source = await findByUrl(bucket, parseSnapshotUrl(name), terminal.signal);
    if (source.kind === "object") terminal.stderr.write("It has no manifest, so etcd's own digest has to do\n");
    return source;
  }
  return await findNamed(stores, { cluster: config.cluster, name }, terminal.signal);
}

/** Says what was chosen, what was not, and what is lost by it. */
function tell(found: FoundByWish, { until, terminal }: { readonly until: Instant; readonly terminal: Terminal }): void {
  const { chosen, next, passedOver, failures } = found;
  const { stderr } = terminal;
  for (const { destination, error } of failures) {
    stderr.write(`warning: "${destination.store.url("")}" may have a newer one, but: ${messageOf(error)}\n`);
  }
  for (const { candidate, why } of passedOver) stderr.write(`warning: passed over ${candidate.name}: ${why}\n`);
  if (!chosen) return;
  const { since, revisions } = lossOf(chosen, next, until);
  const span = `from ${formatInstant(since)} to ${formatInstant(until)}, ${formatDuration(Math.max(0, until - since))}`;
  const count = next && revisions !== undefined ? `; at most ${revisions} revisions, as ${next.name} tells` : "";
  stderr.write(`${chosen.name}, revision ${chosen.manifest.revision}; lost are the writes ${span}${count}\n`);
}
