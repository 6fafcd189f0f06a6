import { execFile } from "node:child_process";
import { promisify } from "node:util";
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

/** Writes a file of root's in the container, its directory included. */
export async function writeInside(path: string, text: string, mode = "0600"): Promise<void> {
  const script = 'umask 077; mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"';
  const [file, ...args] = [...enter, "sh", "-c", script, "sh", path, mode];
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
