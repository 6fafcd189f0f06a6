import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { eventually } from "../support/eventually.ts";
import { execute } from "../support/execute.ts";

/** One line of the daemon's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly event?: string };

const leader = process.env["CONTAINER_LEADER"];
if (leader === undefined) throw new Error("Cannot find the container: start this by test/systemd/run");

const enter = ["nsenter", "--target", leader, "--all", "env", "-i", "PATH=/usr/local/bin:/usr/bin:/usr/sbin"] as const;

/** Runs a command in the container, with nothing but PATH in its environment; gives its standard output. */
export async function inside(...argv: readonly string[]): Promise<string> {
  return (await execute([...enter, ...argv])).trimEnd();
}

/** How a block of shell commands is followed. */
export interface Following {
  /** What its last command, which does not end by itself, has to print; it is stopped then. */
  readonly until?: RegExp;
}

/**
 * Runs a block of README.md in the container as it stands there, by root's shell in /opt/etcd-ark, and gives what it
 * printed. Each command has to succeed. Root's shell needs no sudo, and the container has none.
 */
export async function follow(block: string, { until }: Following = {}): Promise<string> {
  const script = `set -e; sudo() { "$@"; }; cd /opt/etcd-ark\n${block}`;
  const [file, ...args] = [...enter, "sh", "-c", script];
  // A process group of its own, so that all of it can be stopped.
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let printed = "";
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
  }
  const closed = once(child, "close");
  try {
    if (until) await eventually(() => until.test(printed) || child.exitCode !== null, { timeoutMs: 60_000 });
    else await closed;
  } finally {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }
  await closed;
  if (until ? until.test(printed) : child.exitCode === 0) return printed;
  throw new Error(`Cannot follow README:\n${block}\n${printed}`);
}

/** Writes a file of root's in the container, its directory included. */
export async function writeInside(path: string, text: string, mode = "0600"): Promise<void> {
  await feed('umask 077; mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"', [path, mode], text);
}

/** Adds lines to a file in the container. */
export async function appendInside(path: string, text: string): Promise<void> {
  await feed('cat >>"$1"', [path], text);
}

async function feed(script: string, words: readonly string[], text: string): Promise<void> {
  const [file, ...args] = [...enter, "sh", "-c", script, "sh", ...words];
  const writing = promisify(execFile)(file, args);
  writing.child.stdin?.end(text);
  await writing;
}

/** A property of etcd-ark.service, as `systemctl show` prints it. */
export async function property(name: string): Promise<string> {
  return await inside("systemctl", "show", "etcd-ark", "--property", name, "--value");
}

/** What the service wrote to the journal; a line that is not JSON stands in `text`. */
export async function journal(): Promise<LogLine[]> {
  const lines = (await inside("journalctl", "-u", "etcd-ark", "-o", "cat", "--no-pager")).split("\n");
  return lines.map((line) => (line.startsWith("{") ? JSON.parse(line) : { text: line }));
}

/** The events of one name so far. */
export async function events(name: string): Promise<LogLine[]> {
  return (await journal()).filter(({ event }) => event === name);
}
