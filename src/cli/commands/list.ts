import { type ListedSnapshot, listSnapshots, type SnapshotList } from "../../backup/list-snapshots.ts";
import { LEVELS } from "../../model/check-record.ts";
import { formatInstant } from "../../model/time.ts";
import { formatBytes, formatDuration, formatTable } from "../format.ts";
import { printResult } from "../print-result.ts";
import type { Session } from "../session.ts";

/**
 * `list`: every snapshot of the cluster with the stores that hold it. A store that cannot be listed makes the
 * command fail after the others' rows were printed, so that a part is never taken for the whole.
 */
export async function list({ app, terminal, format }: Session): Promise<void> {
  const listed = await listSnapshots(app.context.destinations, terminal.signal);
  const data = listed.snapshots.map(({ manifest, stores, broken, suspect, checks, drill }) => ({
    ...manifest,
    stores,
    ...(broken.length > 0 && { broken }),
    ...(Object.keys(checks).length > 0 && { checks: checksOf(checks) }),
    ...(drill && { drill: { ...drill, at: formatInstant(drill.at) } }),
    ...(manifest.suspect.length > 0 && { accepted: !suspect }),
  }));
  printResult(terminal, { format, data, text: () => table(listed, app.context.clock.now()) });
  for (const { name, store, why } of listed.unreadable) {
    terminal.stderr.write(`warning: manifest of "${name}" in ${store} does not count: ${why}\n`);
  }
  const [failure] = listed.failures;
  if (failure) throw failure.error;
}

function checksOf(checks: ListedSnapshot["checks"]) {
  return Object.entries(checks).map(([store, mark]) => ({ store, ...mark, at: formatInstant(mark.at) }));
}

/** `list --clusters`: the clusters that have a folder in each store. */
export async function listClusters({ app, terminal, format }: Session): Promise<void> {
  const rows: { cluster: string; store: string }[] = [];
  for (const { store } of app.context.destinations) {
    for await (const cluster of store.listFolders("", terminal.signal)) rows.push({ cluster, store: store.url("") });
  }
  const text = (): string =>
    formatTable(
      ["CLUSTER", "STORE"],
      rows.map(({ cluster, store }) => [cluster, store]),
    );
  printResult(terminal, { format, data: rows, text });
}

function table({ snapshots }: SnapshotList, now: number): string {
  const heading = ["NAME", "AGE", "REVISION", "SIZE", "STORED", "NODE", "TIMELINE", "CHECKED", "NOTES"];
  return formatTable(
    heading,
    snapshots.map((snapshot) => row(snapshot, now)),
  );
}

function row(snapshot: ListedSnapshot, now: number): string[] {
  const { manifest, stores } = snapshot;
  return [
    manifest.name,
    formatDuration(Math.max(0, now - Date.parse(manifest.storedAt))),
    manifest.revision,
    formatBytes(manifest.snapshotSize),
    stores.map((store) => store.slice(0, store.indexOf(":"))).join("+") || "-",
    manifest.node,
    manifest.timeline,
    checked(snapshot, now),
    notes(snapshot).join("; "),
  ];
}

/** The least that all copies were checked for, such as `full 3h ago`; a drill is more than any check. */
function checked({ checks, drill, stores }: ListedSnapshot, now: number): string {
  const ago = (at: number): string => `${formatDuration(Math.max(0, now - at))} ago`;
  const marks = Object.values(checks).filter(({ passed }) => passed);
  const [least] = marks.toSorted((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) || a.at - b.at);
  if (drill?.passed) return `drill ${ago(drill.at)}`;
  return least && marks.length >= stores.length ? `${least.level} ${ago(least.at)}` : "-";
}

function notes({ manifest, broken, suspect, checks, drill }: ListedSnapshot): string[] {
  const corrupt = Object.entries(checks).filter(([, { passed }]) => !passed);
  return [
    ...corrupt.map(([store, { level }]) => `CORRUPT in ${store}: check "${level}" has failed`),
    ...(drill && !drill.passed ? [`drill FAILED ${formatInstant(drill.at)}`] : []),
    ...(manifest.kind === "on-demand" ? ["on demand"] : []),
    ...(manifest.rebuilt ? [manifest.importedFrom === undefined ? "rebuilt" : "imported"] : []),
    ...(suspect ? [`SUSPECT: ${manifest.suspect.join(", ")}`] : []),
    ...broken.filter((store) => checks[store]?.passed !== false).map((store) => `BROKEN in ${store}`),
    ...(manifest.linearized || manifest.rebuilt ? [] : ["taken without quorum"]),
    ...manifest.encoding,
    ...(manifest.lock ? [`locked until ${manifest.lock.until}`] : []),
  ];
}
