import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cleanEnvironment } from "./supervisor.ts";

const run = promisify(execFile);

/** Runs a tool to its end and gives its standard output. Rejects with what it said on standard error. */
export async function execute(argv: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const [file = "", ...args] = argv;
  try {
    const { stdout } = await run(file, args, { env: { ...cleanEnvironment(), ...env }, maxBuffer: 2 ** 28 });
    return stdout;
  } catch (cause) {
    const stderr = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim() : String(cause);
    throw new Error(`Cannot run "${toolWords(argv)}": ${stderr}`, { cause });
  }
}

/** Without the loader in front, which says nothing. */
function toolWords(argv: readonly string[]): string {
  const first = argv[1] === "--library-path" ? 3 : 0;
  return argv.slice(first).join(" ");
}
