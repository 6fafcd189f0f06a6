import { untilSignal } from "./app/run-until-signal.ts";
import { ask } from "./cli/ask.ts";
import { runCli } from "./cli/cli.ts";
import type { Output } from "./cli/terminal.ts";

function output(stream: NodeJS.WriteStream): Output {
  // Whoever read it has gone (EPIPE): no reason to stop backing up.
  stream.on("error", () => undefined);
  return { isTTY: stream.isTTY ?? false, columns: stream.columns, write: (text) => void stream.write(text) };
}

using interruption = untilSignal();
const { signal } = interruption;
const interrupt = (): void => void process.kill(process.pid, "SIGINT");
const question = { input: process.stdin, output: process.stderr, interrupt, signal };
process.exitCode = await runCli(process.argv.slice(2), {
  stdout: output(process.stdout),
  stderr: output(process.stderr),
  environment: process.env,
  workingDirectory: process.cwd(),
  pid: process.pid,
  signal,
  ...(process.stdin.isTTY && { confirm: (text) => ask(text, question) }),
});
