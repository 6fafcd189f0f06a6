/**
 * The process between a test process and the servers it starts. It lives as long as its standard input: when the
 * test process ends, by whatever signal, the pipe closes, and this one kills the servers and removes their files.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { SupervisorAnswer, SupervisorCommand } from "./supervisor.ts";

const children = new Map<number, ChildProcess>();
const directories = new Set<string>();

function answer(message: SupervisorAnswer): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function start(command: Extract<SupervisorCommand, { do: "spawn" }>): void {
  const log = openSync(command.log, "a", 0o600);
  // Should even this process be killed, the kernel ends what it started.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command.argv], {
    cwd: command.cwd,
    env: command.env,
    stdio: ["ignore", log, log],
  });
  children.set(command.id, child);
  child.once("spawn", () => answer({ id: command.id, pid: child.pid ?? 0 }));
  child.once("error", (error) => {
    children.delete(command.id);
    answer({ id: command.id, exit: String(error) });
  });
  child.once("exit", (code, signal) => {
    children.delete(command.id);
    answer({ id: command.id, exit: signal ?? `code ${code}` });
  });
}

function obey(command: SupervisorCommand): void {
  switch (command.do) {
    case "spawn":
      start(command);
      break;
    case "signal":
      children.get(command.id)?.kill(command.signal);
      break;
    case "own":
      directories.add(command.directory);
      break;
    case "disown":
      directories.delete(command.directory);
      break;
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

// A terminal's Ctrl-C is for the tests; this process waits for them to end.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.stdout.on("error", () => undefined);

for await (const line of createInterface({ input: process.stdin })) obey(JSON.parse(line));

await Promise.allSettled([...children.values()].map(kill));
await Promise.allSettled([...directories].map((directory) => rm(directory, { recursive: true, force: true })));
process.exit(0);
