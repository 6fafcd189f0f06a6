import { spawn } from "node:child_process";
import { once } from "node:events";
import { kill } from "node:process";
import type { Readable } from "node:stream";

export interface ProgramCall {
  readonly path: string;
  readonly args: readonly string[];
  /** All that it sees of the environment. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ProgramResult {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** The last of what it said on standard error. */
  readonly stderr: string;
}

const OUTPUT_CHARACTERS = 16_384;

/**
 * Runs a program to its end, without a shell and without input, in a process group of its own. On abort the group is
 * killed, and the rejection with `signal.reason` waits until it is gone, so that nothing writes any more. Rejects with
 * the system's error when it cannot be started.
 */
export async function runProgram(call: ProgramCall, signal: AbortSignal): Promise<ProgramResult> {
  signal.throwIfAborted();
  const program = spawn(call.path, call.args, {
    detached: true,
    env: { ...call.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const onAbort = (): void => killGroup(program.pid);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await once(program, "spawn");
    const closed = once(program, "close");
    const [stdout, stderr] = await Promise.all([tailOf(program.stdout), tailOf(program.stderr), closed]);
    signal.throwIfAborted();
    return { code: program.exitCode, signal: program.signalCode, stdout, stderr };
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function tailOf(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text = `${text}${chunk}`.slice(-OUTPUT_CHARACTERS);
  return text;
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) kill(-pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}
