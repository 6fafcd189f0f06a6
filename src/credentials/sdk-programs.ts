import { AsyncLocalStorage } from "node:async_hooks";
import { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { abortable } from "../async/abortable.ts";

/** https://nodejs.org/api/diagnostics_channel.html#child-process */
const started = "child_process";

/**
 * Waits for an SDK provider, and lets go of the programs that it started when the signal aborts. It runs the
 * `credential_process` of a role's source profile by itself, without a bound, and such a program would keep this process
 * from its end. Its shell is killed; what that has started, in our own group of processes, is not found.
 */
export async function withSdkPrograms<Value>(provider: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
  const inside = new AsyncLocalStorage<true>();
  const programs: ChildProcess[] = [];
  const onStart = (message: unknown): void => {
    if (inside.getStore()) programs.push(...programOf(message));
  };
  subscribe(started, onStart);
  try {
    return await abortable(inside.run(true, provider), signal);
  } finally {
    unsubscribe(started, onStart);
    // After an answer none is left.
    for (const program of programs) letGo(program);
  }
}

function programOf(message: unknown): ChildProcess[] {
  const program = typeof message === "object" && message !== null && "process" in message ? message.process : undefined;
  return program instanceof ChildProcess ? [program] : [];
}

/** Without its pipes as well: what the program has started may hold them open. */
function letGo(program: ChildProcess): void {
  program.kill("SIGKILL");
  program.stdout?.destroy();
  program.stderr?.destroy();
  program.stdin?.destroy();
}
