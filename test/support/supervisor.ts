import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** What the test process asks of the supervisor, one JSON object a line. */
export type SupervisorCommand =
  | {
      readonly do: "spawn";
      readonly id: number;
      readonly argv: readonly string[];
      readonly cwd: string;
      readonly env: Record<string, string>;
      readonly log: string;
    }
  | { readonly do: "signal"; readonly id: number; readonly signal: NodeJS.Signals }
  | { readonly do: "own" | "disown"; readonly directory: string };

/** What it answers: that a server runs, or how it ended. */
export interface SupervisorAnswer {
  readonly id: number;
  readonly pid?: number;
  readonly exit?: string;
}

/** A server to start. Its output goes to the file `log`. */
export interface ServerSpec {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly log: string;
  readonly env?: Record<string, string>;
}

/** A running server. It ends with the test process, however that ends. */
export interface Server {
  readonly pid: number;
  readonly log: string;
  /** How it ended: a signal or "code n"; undefined while it runs. */
  readonly exit: string | undefined;
  readonly exited: Promise<string>;
  signal(signal: NodeJS.Signals): void;
  /** Sends `signal`, then waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

interface Pending {
  readonly onPid: (pid: number) => void;
  readonly onExit: (exit: string) => void;
}

let connection: ReturnType<typeof connect> | undefined;
let lastId = 0;

function connect() {
  const script = fileURLToPath(new URL("supervisor-process.ts", import.meta.url));
  const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, NODE_TEST_CONTEXT: _context, ...env } = process.env;
  // A session of its own: a signal to the tests' process group must not reach what cleans up after them.
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script], {
    detached: true,
    env,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const pending = new Map<number, Pending>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id, pid, exit }: SupervisorAnswer = JSON.parse(line);
    if (pid !== undefined) pending.get(id)?.onPid(pid);
    if (exit !== undefined) pending.get(id)?.onExit(exit);
  });
  child.stdin.on("error", () => undefined);
  child.once("exit", () => {
    connection = undefined;
    for (const waiting of pending.values()) waiting.onExit("supervisor ended");
  });
  hold(child, false);
  return { child, pending, waits: 0 };
}

/** Lets the supervisor keep this process alive, or not: only while something is waited for. */
function hold(child: ChildProcess, held: boolean): void {
  for (const part of [child, child.stdin, child.stdout]) {
    if (part === child || part instanceof Socket) held ? part.ref() : part.unref();
  }
}

async function whileHeld<T>(promise: Promise<T>): Promise<T> {
  connection ??= connect();
  const held = connection;
  if (held.waits++ === 0) hold(held.child, true);
  try {
    return await promise;
  } finally {
    if (--held.waits === 0) hold(held.child, false);
  }
}

function send(command: SupervisorCommand): void {
  connection ??= connect();
  connection.child.stdin.write(`${JSON.stringify(command)}\n`);
}

/** Has `directory` removed when this process ends, by whatever means. */
export function ownDirectory(directory: string): void {
  send({ do: "own", directory });
}

/** Undoes `ownDirectory`, once the caller removed the directory. */
export function disownDirectory(directory: string): void {
  send({ do: "disown", directory });
}

/** Starts a server that ends with this process. Rejects when it cannot be executed. */
export async function startServer(spec: ServerSpec): Promise<Server> {
  connection ??= connect();
  const { pending } = connection;
  const id = ++lastId;
  const pid = Promise.withResolvers<number>();
  const exited = Promise.withResolvers<string>();
  let ended: string | undefined;
  pending.set(id, {
    onPid: pid.resolve,
    onExit: (exit) => {
      ended = exit;
      pending.delete(id);
      pid.reject(new Error(`Cannot start ${spec.argv.join(" ")}: ${exit}`));
      exited.resolve(exit);
    },
  });
  send({ do: "spawn", id, argv: spec.argv, cwd: spec.cwd, env: { ...cleanEnvironment(), ...spec.env }, log: spec.log });
  const started = await whileHeld(pid.promise);
  return {
    pid: started,
    log: spec.log,
    exited: exited.promise,
    get exit() {
      return ended;
    },
    signal: (signal) => send({ do: "signal", id, signal }),
    async end(signal) {
      if (ended !== undefined) return;
      send({ do: "signal", id, signal });
      await whileHeld(exited.promise);
    },
  };
}

/** The environment of a server: nothing of the caller's that could change what it does. */
export function cleanEnvironment(): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TMPDIR: process.env["TMPDIR"] ?? "/tmp" };
}

/** The end of a server's log, for an error message. */
export async function logTail(server: Pick<Server, "log">, lines = 15): Promise<string> {
  const text = await readFile(server.log, "utf8").catch(() => "");
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}
