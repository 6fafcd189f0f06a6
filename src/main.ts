import { createInterface } from "node:readline/promises";
import { untilSignal } from "./app/run-until-signal.ts";
import { runCli } from "./cli/cli.ts";
import type { Output } from "./cli/terminal.ts";

function output(stream: NodeJS.WriteStream): Output {
  // Whoever read it has gone (EPIPE): no reason to stop backing up.
  stream.on("error", () => undefined);
  return { isTTY: stream.isTTY ?? false, columns: stream.columns, write: (text) => void stream.write(text) };
}

async function confirm(question: string): Promise<boolean> {
  using prompt = createInterface({ input: process.stdin, output: process.stderr });
  return /^y(es)?$/i.test(await prompt.question(`${question} [y/N] `));
}

using interruption = untilSignal();
process.exitCode = await runCli(process.argv.slice(2), {
  stdout: output(process.stdout),
  stderr: output(process.stderr),
  environment: process.env,
  workingDirectory: process.cwd(),
  signal: interruption.signal,
  ...(process.stdin.isTTY && { confirm }),
});
