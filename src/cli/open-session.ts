import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { type App, createApp } from "../app/app.ts";
import { createTelemetry } from "../app/telemetry.ts";
import { failuresOf, onEach, valuesOf } from "../backup/destination.ts";
import { type AppliedEnvFiles, applyEnvFiles } from "../config/env-files.ts";
import { readFile } from "../config/files.ts";
import { treeFromFlags } from "../config/flags.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import { BackupError } from "../errors.ts";
import type { OutputFormat } from "./print-result.ts";
import type { Session } from "./session.ts";
import { coloured, type Terminal } from "./terminal.ts";

/** What stands on every command line, apart from the command's own options. */
export interface CommonOptions {
  readonly config: string;
  readonly envFile: string;
  readonly output: OutputFormat;
  /** Flags of the configuration by their own names. */
  readonly flags: Readonly<Record<string, string>>;
}

export interface Loaded extends LoadedConfig {
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Reads env files, configuration file, environment and flags, and says on stderr what deserves a word. */
export function loadOptions(options: CommonOptions, terminal: Terminal): Loaded {
  const { environment, homeFrom, warnings } = readEnvironment(options, terminal);
  for (const warning of warnings) terminal.stderr.write(`warning: ${warning}\n`);
  if (homeFrom) terminal.stderr.write(`HOME=${environment["HOME"]} comes from ${homeFrom}\n`);
  const loaded = readConfig(options, environment, terminal);
  if (loaded.detected) terminal.stderr.write(`Using the etcd of ${loaded.detected} on this node\n`);
  return loaded;
}

/** The environment that the service has as well. */
export function readEnvironment(options: CommonOptions, terminal: Terminal): AppliedEnvFiles {
  return applyEnvFiles({
    environment: terminal.environment,
    pid: terminal.pid,
    isTerminal: terminal.stdout.isTTY || terminal.stderr.isTTY || terminal.confirm !== undefined,
    named: options.envFile,
    readFile,
  });
}

/** Configuration file, environment and flags. */
export function readConfig(options: CommonOptions, environment: Loaded["environment"], terminal: Terminal): Loaded {
  const { tree, notes } = treeFromFlags(options.flags);
  for (const note of notes) terminal.stderr.write(`warning: ${note}\n`);
  const loaded = loadConfig({
    file: options.config,
    environment,
    flags: tree,
    hostname: hostname(),
    readFile,
    exists: existsSync,
  });
  return { ...loaded, environment };
}

export interface SessionNeeds {
  /** How much of the log goes to stderr: all of the daemon's, only warnings of a command's. */
  readonly logLevel: "configured" | "warn";
  /** Whether the command only reads, and may then choose the only cluster that there is. */
  readonly readsOnly: boolean;
}

/** Wires the program for one command. */
export async function openSession(
  options: CommonOptions,
  terminal: Terminal,
  needs: SessionNeeds,
): Promise<Session & AsyncDisposable> {
  const loaded = loadOptions(options, terminal);
  const { environment } = loaded;
  const { workingDirectory } = terminal;
  requireStore(loaded.config);
  const level = needs.logLevel === "configured" ? loaded.config.logging.level : "warn";
  const telemetry = await createTelemetry({
    config: loaded.config,
    level,
    output: terminal.stderr,
    colour: coloured(terminal, terminal.stderr),
  });
  const wire = (config: Loaded["config"]): Promise<App> =>
    createApp({ config, environment, workingDirectory, telemetry });
  let { config } = loaded;
  if (needs.readsOnly && loaded.sourceOf(["cluster"]) === "default") {
    // Disposed of also when it throws: its watchers would keep the process alive.
    await using looking = await wire(config);
    config = { ...config, cluster: await onlyCluster(looking, config.cluster, terminal.signal) };
  }
  const app = await wire(config);
  return {
    terminal,
    config,
    app,
    format: options.output,
    file: loaded.file,
    environment,
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

/** Rejects when nothing could be stored. */
export function requireStore({ s3, directory }: Loaded["config"]): void {
  if (s3.bucket || directory.path) return;
  throw new BackupError("CONFIG_INVALID", "Cannot store anything: neither a bucket nor a directory is configured", {
    hint: 'Set "s3.bucket" in /etc/etcd-ark/config.yaml, or add --s3-bucket=NAME',
  });
}

/** With no cluster named: the default's folder if it is there, else the only one that is. */
async function onlyCluster(app: App, preferred: string, signal: AbortSignal): Promise<string> {
  const listed = await onEach(
    app.context.destinations.map((destination) => ({ destination })),
    ({ destination }) => Array.fromAsync(destination.store.listFolders("", signal)),
  );
  const folders = valuesOf(listed);
  // A store that does not answer must not keep a snapshot in the other one from being found.
  if (folders.length === 0) for (const { error } of failuresOf(listed)) throw error;
  const clusters = new Set(folders.flat());
  const [only, ...others] = clusters;
  if (only === undefined || clusters.has(preferred)) return preferred;
  if (others.length === 0) return only;
  throw new BackupError(
    "CONFIG_INVALID",
    `Cannot tell which cluster is meant: there are "${[...clusters].join('", "')}"`,
    {
      hint: 'Add --cluster=NAME, or set "cluster" in the configuration',
    },
  );
}
