import { BackupError, messageOf } from "../errors.ts";
import { coloured, type Terminal } from "./terminal.ts";

/** Says what went wrong, why, and what to do. A bug is said with its stack. */
export function printError(error: unknown, terminal: Terminal): void {
  const paint = coloured(terminal, terminal.stderr);
  const label = paint ? "\u001b[31merror:\u001b[0m" : "error:";
  if (!(error instanceof BackupError)) {
    const stack = error instanceof Error ? error.stack : String(error);
    terminal.stderr.write(`${label} This is a bug in etcd-ark: ${stack}\n`);
    return;
  }
  terminal.stderr.write(`${label} ${error.message} [${error.code}]\n`);
  for (const cause of causesOf(error)) terminal.stderr.write(`  because: ${cause}\n`);
  if (error.hint) terminal.stderr.write(`  hint: ${error.hint}\n`);
}

/** The messages of the causes that add something. */
function causesOf(error: BackupError): string[] {
  const messages: string[] = [];
  for (let cause = error.cause; cause !== undefined && messages.length < 3; ) {
    const message = messageOf(cause);
    if (message && !error.message.includes(message) && !messages.includes(message)) messages.push(message);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return messages;
}
