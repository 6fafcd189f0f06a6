import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";

/** How etcd-ark is run. The environment is exactly `env` and PATH: nothing of the tests' own leaks in. */
export interface ArkOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly input?: string;
  /** The words that start it. Default: this Node on dist/main.js. */
  readonly program?: readonly string[];
}

/** How a run ended. */
export interface ArkResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running etcd-ark. Disposal kills it. */
export interface Ark extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<ArkResult>;
  /** Lines of standard error so far. */
  readonly lines: readonly string[];
  readonly stdout: string;
  kill(signal?: NodeJS.Signals): void;
  /** Waits for a line of standard error, looking from line `from` on. Rejects when the process ends without it. */
  line(pattern: RegExp | string, options?: { timeoutMs?: number; from?: number }): Promise<string>;
}

const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** Runs the built etcd-ark to its end. */
export async function runArk(args: readonly string[], options: ArkOptions = {}): Promise<ArkResult> {
  await using ark = startArk(args, options);
  return await ark.ended;
}

/** Starts the built etcd-ark. */
export function startArk(args: readonly string[], options: ArkOptions = {}): Ark {
  const program = options.program ?? [process.execPath, main];
  // A daemon must not outlive a test process that is killed.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...program, ...args], {
    cwd: options.cwd,
    // Whatever a service on this machine remembers is none of a test's.
    env: { PATH: process.env["PATH"], STATE_DIRECTORY: "", ...options.env },
    stdio: "pipe",
  });
  const output = collect(child);
  child.stdin.on("error", () => undefined).end(options.input ?? "");
  const ended = once(child, "close").then(([code, signal]) => {
    output.ended = true;
    return { code, signal, stdout: output.stdout, stderr: output.stderr };
  });
  return {
    pid: child.pid ?? 0,
    ended,
    lines: output.lines,
    get stdout() {
      return output.stdout;
    },
    kill: (signal = "SIGTERM") => void child.kill(signal),
    async line(pattern, { timeoutMs = 60_000, from = 0 } = {}) {
      const find = () => output.lines.slice(from).find((line) => matches(line, pattern));
      const found = await eventually(() => find() ?? output.ended, { timeoutMs }).catch(() => false);
      if (typeof found === "string") return found;
      throw new Error(`etcd-ark never wrote ${pattern}${found ? " before it ended" : ""}:\n${output.stderr}`);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function collect(child: ChildProcess) {
  const lines: string[] = [];
  const output = { lines, stdout: "", stderr: "", ended: false };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  if (child.stderr) {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output.stderr += text;
    });
    createInterface({ input: child.stderr }).on("line", (line) => lines.push(line));
  }
  return output;
}

function matches(line: string, pattern: RegExp | string): boolean {
  return typeof pattern === "string" ? line.includes(pattern) : pattern.test(line);
}
