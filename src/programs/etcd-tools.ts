import { resolve } from "node:path";
import { BackupError, messageOf } from "../errors.ts";
import { etcdMinor } from "../model/etcd-version.ts";
import type { FindRestoreTool, RestoreTool, ToolRequest } from "../ports/etcd-tools.ts";
import { findProgram, isExecutable } from "./find-program.ts";
import { type ProgramResult, runProgram } from "./run-program.ts";

export interface EtcdToolsOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What a relative path is relative to. */
  readonly workingDirectory: string;
}

const HOW_TO_GET =
  "Install etcdutl: `apt-get install etcd-client`, or unpack it from https://github.com/etcd-io/etcd/releases, and name it with --etcdutl=PATH";

/** From this version on etcdctl can no longer restore (etcd CHANGELOG-3.6, "Removed etcdctl snapshot restore"). */
const ETCDCTL_WITHOUT_RESTORE = 6;

/** Looks for etcd's restore tool as an operator would: etcdutl, or the etcdctl of 3.4 and 3.5. */
export function createFindRestoreTool({ environment, workingDirectory }: EtcdToolsOptions): FindRestoreTool {
  const searchPath = environment["PATH"] ?? "";
  // Nothing else: an ETCDCTL_… or ETCD_… variable of the shell would count as a flag.
  const clean = { PATH: searchPath, ETCDCTL_API: "3" };
  return async (named, signal) => {
    const path = named === undefined ? await onPath(searchPath) : await atName(named, { searchPath, workingDirectory });
    if (path === undefined) throw noTool("there is neither etcdutl nor etcdctl on PATH");
    if (!(await isExecutable(path))) throw noTool(`"${path}" is no program that can be run`);
    const tool = new StockTool(path, clean);
    return await tool.introduce(signal);
  };
}

async function onPath(searchPath: string): Promise<string | undefined> {
  return (await findProgram("etcdutl", searchPath)) ?? (await findProgram("etcdctl", searchPath));
}

/** As a shell takes it: a bare name is looked for on PATH. Here it may be a file of the working directory as well. */
async function atName(
  named: string,
  { searchPath, workingDirectory }: { readonly searchPath: string; readonly workingDirectory: string },
): Promise<string> {
  const found = named.includes("/") ? undefined : await findProgram(named, searchPath);
  return found ?? resolve(workingDirectory, named);
}

class StockTool {
  readonly #path: string;
  readonly #environment: Readonly<Record<string, string>>;

  constructor(path: string, environment: Readonly<Record<string, string>>) {
    this.#path = path;
    this.#environment = environment;
  }

  /** Asks the program what it is and what it can do. */
  async introduce(signal: AbortSignal): Promise<RestoreTool> {
    const path = this.#path;
    const answer = await this.#run(["version"], signal);
    const [, name, version] = /^(etcdutl|etcdctl) version: (\S+)/m.exec(answer.stdout) ?? [];
    if ((name !== "etcdutl" && name !== "etcdctl") || version === undefined) {
      throw noTool(`"${path}" does not say that it is etcdutl or etcdctl`);
    }
    if (name === "etcdctl" && (etcdMinor(version)?.minor ?? 0) >= ETCDCTL_WITHOUT_RESTORE) {
      throw noTool(`"${path}" is etcdctl ${version}, which no longer restores, and there is no etcdutl`);
    }
    // The two options came within patch releases, so the version does not tell.
    const help = await this.#run(["snapshot", "restore", "--help"], signal);
    const canBumpRevision = help.stdout.includes("--bump-revision");
    return { name, path, version, canBumpRevision, restore: (request, until) => this.#restore(request, until) };
  }

  async #restore(request: ToolRequest, signal: AbortSignal): Promise<void> {
    const result = await this.#run(["snapshot", "restore", ...argumentsOf(request)], signal);
    if (result.code === 0) return;
    throw failed(this.#path, result);
  }

  async #run(args: readonly string[], signal: AbortSignal): Promise<ProgramResult> {
    try {
      return await runProgram({ path: this.#path, args, environment: this.#environment }, signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw noTool(`"${this.#path}" cannot be started: ${messageOf(cause)}`, cause);
    }
  }
}

function argumentsOf({ file, dataDir, walDir, member, skipHashCheck }: ToolRequest): string[] {
  const values = {
    "data-dir": dataDir,
    "wal-dir": walDir,
    name: member.name,
    "initial-cluster": member.initialCluster,
    "initial-cluster-token": member.initialClusterToken,
    "initial-advertise-peer-urls": member.initialAdvertisePeerUrls,
    "bump-revision": member.bumpRevision,
  };
  const given = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
  const switches = [
    ...(member.markCompacted ? ["--mark-compacted"] : []),
    ...(skipHashCheck ? ["--skip-hash-check"] : []),
  ];
  return [file, ...given, ...switches];
}

const TAIL_LINES = 5;

function failed(path: string, { code, signal, stderr, stdout }: ProgramResult): BackupError {
  const lines = `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "");
  const how = code === null ? `it was ended by ${signal}` : `it ended with ${code}`;
  // Its log lines are JSON; what it says to people comes last.
  const said = lines.findLast((line) => !line.startsWith("{")) ?? lines.at(-1) ?? "it said nothing";
  return new BackupError("TOOL_FAILED", `Cannot restore with "${path}": ${how}: ${said.trim()}`, {
    hint: "Check --name, --initial-cluster and --initial-advertise-peer-urls, and the disk with `df`; nothing was changed",
    cause: new Error(lines.slice(-TAIL_LINES).join("\n")),
  });
}

function noTool(why: string, cause?: unknown): BackupError {
  return new BackupError("CONFIG_INVALID", `Cannot restore: ${why}`, { hint: HOW_TO_GET, cause });
}
