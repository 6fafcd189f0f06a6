import { CommanderError } from "commander";
import { normaliseArgv } from "./argv.ts";
import { printError } from "./error-line.ts";
import { exitCodeOf } from "./exit-code.ts";
import { createProgram } from "./program.ts";
import type { Terminal } from "./terminal.ts";

/** Runs one command line and returns the exit status. Never throws. */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await createProgram(terminal).parseAsync(normaliseArgv(argv), { from: "user" });
    return 0;
  } catch (error) {
    // The parser has said what is wrong; help and version end like this, too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    printError(error, terminal);
    return exitCodeOf(error);
  }
}
