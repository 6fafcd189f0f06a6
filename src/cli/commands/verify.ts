import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { compileWell } from "../../app/compile-well.ts";
import { BackupError } from "../../errors.ts";
import type { Level } from "../../model/check-record.ts";
import type { Finding } from "../../model/finding.ts";
import type { Inspected } from "../../verify/inspect-source.ts";
import { type AskHash, askSource } from "../../verify/live-hash.ts";
import { figuresOf } from "../../verify/record-check.ts";
import { type Copy, newestOf, verifyCopy } from "../../verify/verify-copies.ts";
import { verifyFile } from "../../verify/verify-file.ts";
import { formatDuration } from "../format.ts";
import { printResult } from "../print-result.ts";
import type { Session } from "../session.ts";

export interface VerifyOptions {
  /** Names of snapshots, or local files. */
  readonly names: readonly string[];
  readonly latest: boolean;
  readonly all: boolean;
  readonly level: Level;
  /** Whether a live member is asked for its HashKV. */
  readonly live: boolean;
}

/** One line of the result: a copy in a store, or a local file. */
interface Line {
  readonly name: string;
  /** URL of the store, or path of the file. */
  readonly where: string;
  readonly checked: Inspected;
  readonly durationMs: number;
}

/**
 * `verify`: would these restore? Each copy in each store is looked at by itself. Rejects with `SNAPSHOT_CORRUPT` when
 * something was found, after all were looked at and said.
 */
export async function verify(session: Session, options: VerifyOptions): Promise<void> {
  compileWell();
  const { app, terminal, format } = session;
  const askHash = options.live ? askSource(app.context.source) : undefined;
  if (options.live) terminal.stderr.write("A live member is asked for its HashKV: it takes no writes while it scans\n");
  const { files = [], stored = [] } = Object.groupBy(options.names, (name) =>
    isFile(session, name) ? "files" : "stored",
  );
  const lines: Line[] = [];
  for (const name of files) lines.push(await checkFile(session, { name, level: options.level, askHash }));
  const copies =
    files.length > 0 && stored.length === 0 ? [] : await chooseCopies(session, { ...options, names: stored });
  for (const copy of copies) lines.push(await checkCopy(session, { copy, level: options.level, askHash }));
  printResult(terminal, {
    format,
    data: lines.map((line) => toData(line, options.level)),
    text: () => lines.map((line) => toText(line, options.level)).join(""),
  });
  failIfCorrupt(lines);
}

function isFile({ terminal }: Session, name: string): boolean {
  return name.includes("/") || existsSync(resolve(terminal.workingDirectory, name));
}

async function checkFile(
  { app, terminal }: Session,
  { name, level, askHash }: { readonly name: string; readonly level: Level; readonly askHash: AskHash | undefined },
): Promise<Line> {
  const path = resolve(terminal.workingDirectory, name);
  const start = app.context.clock.monotonic();
  const checked = await verifyFile(app.verify, { path, level, askHash }, terminal.signal);
  return { name, where: path, checked, durationMs: app.context.clock.monotonic() - start };
}

async function checkCopy(
  { app, terminal }: Session,
  { copy, ...options }: { readonly copy: Copy; readonly level: Level; readonly askHash: AskHash | undefined },
): Promise<Line> {
  const { verification, durationMs } = await verifyCopy(app.verify, { copy, options }, terminal.signal);
  return { name: copy.entry.name, where: copy.destination.store.url(""), checked: verification, durationMs };
}

/** Every copy of what is named; the newest of each store when nothing is. */
async function chooseCopies({ app, terminal }: Session, { names, all, latest }: VerifyOptions): Promise<Copy[]> {
  const copies: Copy[] = [];
  for (const destination of app.context.destinations) {
    const { entries } = await destination.catalog.list(terminal.signal);
    const named = entries.filter((entry) => all || names.includes(entry.name));
    copies.push(...named.map((entry) => ({ destination, entry })));
    if (latest || (!all && names.length === 0)) copies.push(...newestOf(destination, entries));
  }
  const missing = names.find((name) => !copies.some(({ entry }) => entry.name === name));
  if (missing !== undefined) throw notFound(`snapshot "${missing}"`);
  if (copies.length === 0) throw notFound("a snapshot to verify");
  return copies;
}

function notFound(what: string): BackupError {
  return new BackupError("SNAPSHOT_NOT_FOUND", `Cannot find ${what}`, { hint: "`etcd-ark list` shows the names" });
}

function toData({ name, where, checked, durationMs }: Line, level: Level) {
  const { findings, inspection, live } = checked;
  return {
    name,
    where,
    level,
    passed: findings.length === 0,
    findings,
    ...(inspection && figuresOf(inspection)),
    ...(live && { live }),
    durationMs: Math.round(durationMs),
  };
}

function toText({ name, where, checked, durationMs }: Line, level: Level): string {
  const { findings, inspection } = checked;
  const verdict = findings.length === 0 ? `passed (${level}, ${formatDuration(durationMs)})` : "CORRUPT";
  return [
    `${name}: ${verdict}`,
    `  ${where}`,
    ...(inspection ? figureLines(checked) : []),
    ...findings.map(describe),
    "",
  ].join("\n");
}

function describe({ code, message }: Finding): string {
  return `  ${code}: ${message}`;
}

function figureLines({ inspection, live }: Inspected): string[] {
  if (inspection === undefined) return [];
  const { status, revision, liveKeys, hashKv } = inspection;
  const hash = status.hash.toString(16);
  return [
    `  hash ${hash}, revision ${revision}, total keys ${status.totalKey}, live keys ${liveKeys}, HashKV ${hashKv}`,
    ...(live ? [`  live member "${live.member}": ${live.incomparable ?? "the same HashKV"}`] : []),
  ];
}

function failIfCorrupt(lines: readonly Line[]): void {
  const [first, ...others] = lines.filter(({ checked }) => checked.findings.length > 0);
  const finding = first?.checked.findings[0];
  if (first === undefined || finding === undefined) return;
  const more = others.length > 0 ? `, and ${others.length} more` : "";
  throw new BackupError("SNAPSHOT_CORRUPT", `Cannot trust "${first.name}"${more}: ${finding.message}`, {
    hint: "Take a new snapshot with `etcd-ark save`; it is kept until you delete it, and counts no more",
  });
}
