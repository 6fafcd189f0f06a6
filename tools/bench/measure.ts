import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** A command to measure. Its environment is exactly `env` and PATH. */
export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Sends SIGTERM after so long; how it then ends does not matter. */
  readonly stopAfterMs?: number;
}

/** What a command took. */
export interface Cost {
  readonly wallMs: number;
  /** User and system time, of children that it waited for as well. */
  readonly cpuMs: number;
  /** The most that was resident at once. */
  readonly peakBytes: number;
  readonly stdout: string;
}

const SAMPLE_MS = 20;
/** bash's `time` is all that Debian always has to tell a child's processor time. */
const TIMED = 'TIMEFORMAT="%R %U %S"; { time "$@" 2>&4; } 4>&2 2>&3';

/** Runs a command to its end. Rejects when it fails. */
export async function measure({ argv, env = {}, stopAfterMs }: Command): Promise<Cost> {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", "bash", "-c", TIMED, "bash", ...argv], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const output = child.stdio.slice(1).map((stream) => ({ stream, text: "" }));
  for (const each of output) {
    each.stream?.on("data", (bytes: Buffer) => {
      each.text += bytes.toString();
    });
  }
  const closed = once(child, "close");
  const stopped = new AbortController();
  const peak = watchPeak(child.pid ?? 0, stopped.signal);
  const stop = stopAfterMs === undefined ? undefined : setTimeout(() => void end(child.pid ?? 0), stopAfterMs);
  const [code]: unknown[] = await closed;
  stopped.abort();
  clearTimeout(stop);
  const [stdout = "", stderr = "", times = ""] = output.map(({ text }) => text);
  if (code !== 0 && stopAfterMs === undefined) throw new Error(`Cannot measure "${argv.join(" ")}": ${stderr}`);
  const [real = 0, user = 0, system = 0] = times.trim().split(/\s+/).map(Number);
  return { wallMs: real * 1000, cpuMs: (user + system) * 1000, peakBytes: await peak, stdout };
}

/** VmHWM only grows, so that the last sample misses no peak but one of the last moments. */
async function watchPeak(shell: number, signal: AbortSignal): Promise<number> {
  let peak = 0;
  while (!signal.aborted) {
    const pid = await childOf(shell);
    if (pid !== undefined) peak = Math.max(peak, await memoryOf(pid, "VmHWM").catch(() => 0));
    await delay(SAMPLE_MS);
  }
  return peak;
}

async function end(shell: number): Promise<void> {
  const pid = await childOf(shell);
  if (pid !== undefined) process.kill(pid, "SIGTERM");
}

async function childOf(pid: number): Promise<number | undefined> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const [child] = children.split(" ");
  return child ? Number(child) : undefined;
}

/** Bytes from `/proc/PID/status`. */
export async function memoryOf(pid: number, field: "VmHWM" | "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
}

/** User and system time so far; the kernel counts in hundredths of a second. */
export async function cpuMsOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /s, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
