import { BackupError } from "../errors.ts";
import { type EnvFile, parseEnvFile } from "./env-file.ts";
import type { Environment } from "./environment.ts";
import type { FileRead } from "./load.ts";

/** The files that the unit reads, in its order: the later one wins. */
export const UNIT_ENV_FILES = ["/etc/default/etcd-ark", "/etc/systemd/system/etcd-ark.service.env"] as const;

export interface EnvFilesOptions {
  readonly environment: Environment;
  /** This process's id. */
  readonly pid: number;
  /** Whether somebody sits at a terminal. */
  readonly isTerminal: boolean;
  /** `--env-file`; empty when it was not given. */
  readonly named: string;
  readonly readFile: (path: string) => FileRead;
}

export interface AppliedEnvFiles {
  readonly environment: Environment;
  /** The file that gave HOME, if one did and it was not set like that before. */
  readonly homeFrom: string | undefined;
  /** The file that sets HOME, whether it was set like that before or not. */
  readonly homeFile: string | undefined;
  /** Files that were read. */
  readonly files: readonly string[];
  /** Whether systemd has read the unit's files for this process. */
  readonly isService: boolean;
  readonly warnings: readonly string[];
}

const UNCHANGED = { homeFrom: undefined, homeFile: undefined, files: [], warnings: [] } as const;

/**
 * Gives a command at a shell the environment that the service has. The unit's files fill what the shell leaves
 * unset; their HOME wins, since the credentials file is found below it. A file named by `--env-file` is read
 * instead of them, and overrides the environment.
 */
export function applyEnvFiles(options: EnvFilesOptions): AppliedEnvFiles {
  const { environment, named, readFile } = options;
  if (named) return override(environment, { path: named, file: parseEnvFile(readNamed(named, readFile)) });
  // systemd has read them already: what it set from a drop-in or from the unit itself must not be undone.
  if (isService(options)) return { ...UNCHANGED, environment, isService: true };
  const warnings: string[] = [];
  const files: string[] = [];
  const filled: Record<string, string> = {};
  let homeFile: string | undefined;
  for (const path of UNIT_ENV_FILES) {
    const read = readFile(path);
    if ("unreadable" in read) warnings.push(`Cannot read env file "${path}": ${read.unreadable}`);
    if (!("text" in read)) continue;
    files.push(path);
    const file = parseEnvFile(read.text);
    warnings.push(...describe(path, file));
    Object.assign(filled, Object.fromEntries(file.variables));
    if (file.variables.has("HOME")) homeFile = path;
  }
  const home = filled["HOME"];
  const changed = home !== undefined && home !== environment["HOME"];
  return {
    environment: { ...withoutHalves(filled, environment), ...environment, ...(home !== undefined && { HOME: home }) },
    ...{ files, homeFile, homeFrom: changed ? homeFile : undefined },
    isService: false,
    warnings,
  };
}

/**
 * Whether systemd has started this very process, and so read the unit's files. What it sets is inherited: a login on a
 * console has getty's variables, which are of another process (systemd.exec(5), $SYSTEMD_EXEC_PID, since v248).
 */
function isService({ environment, pid, isTerminal }: EnvFilesOptions): boolean {
  const executed = environment["SYSTEMD_EXEC_PID"];
  if (executed !== undefined) return executed === String(pid);
  return environment["INVOCATION_ID"] !== undefined && !isTerminal;
}

const AWS_KEYS = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] as const;

/** The shell's key with a session token of the file would be a pair that nobody issued: they come together or not. */
function withoutHalves(filled: Environment, environment: Environment): Environment {
  if (AWS_KEYS.every((name) => environment[name] === undefined)) return filled;
  return Object.fromEntries(Object.entries(filled).filter(([name]) => !AWS_KEYS.some((key) => key === name)));
}

function override(environment: Environment, { path, file }: { path: string; file: EnvFile }): AppliedEnvFiles {
  const homeFile = file.variables.has("HOME") ? path : undefined;
  const changed = homeFile !== undefined && file.variables.get("HOME") !== environment["HOME"];
  return {
    environment: { ...environment, ...Object.fromEntries(file.variables) },
    ...{ files: [path], homeFile, homeFrom: changed ? path : undefined },
    isService: false,
    warnings: describe(path, file),
  };
}

function readNamed(path: string, readFile: EnvFilesOptions["readFile"]): string {
  const read = readFile(path);
  if ("text" in read) return read.text;
  const detail = "missing" in read ? "there is no such file" : read.unreadable;
  throw new BackupError("CONFIG_INVALID", `Cannot read env file "${path}": ${detail}`, { hint: "Check --env-file" });
}

function describe(path: string, { warnings }: EnvFile): string[] {
  return warnings.map(({ line, why }) => `${path}:${line}: ${why}`);
}
