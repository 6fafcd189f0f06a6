import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { TestOutcome } from "./reporter.ts";

export interface TestRun {
  /** A checkout. */
  readonly directory: string;
  readonly file: string;
  /** Pieces of the names of the tests to run. */
  readonly names: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** What a test may take; one that hangs fails. */
  readonly timeoutMs: number;
}

/** Runs tests of one file and says how each ended; none when the file breaks as a whole. */
export async function runTests({ directory, file, names, environment, timeoutMs }: TestRun): Promise<TestOutcome[]> {
  const args = [
    "--test",
    `--test-timeout=${timeoutMs}`,
    "--test-reporter=./tools/mutants/reporter.ts",
    ...names.map((name) => `--test-name-pattern=${escapePattern(name)}`),
    file,
  ];
  const child = spawn(process.execPath, args, {
    cwd: directory,
    env: environment,
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  // A broken program may keep its test file from ending; the group takes that file's process along.
  const killer = setTimeout(() => killGroup(child.pid), 3 * timeoutMs);
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]).finally(() => clearTimeout(killer));
  return output.split("\n").filter(Boolean).map(parseOutcome);
}

/** Node takes the name as a regular expression. */
function escapePattern(name: string): string {
  return name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

function killGroup(pid: number | undefined): void {
  if (pid !== undefined) process.kill(-pid, "SIGKILL");
}

function parseOutcome(line: string): TestOutcome {
  return JSON.parse(line);
}
