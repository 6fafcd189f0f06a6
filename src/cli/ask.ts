import { createInterface } from "node:readline";

export interface AskOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** Does what Ctrl-C does elsewhere: while a line is being edited, the terminal sends no SIGINT for it. */
  readonly interrupt: () => void;
  readonly signal: AbortSignal;
}

/** Asks a question that only "y" or "yes" answers with yes; the end of input is a no. Rejects with `signal.reason`. */
export async function ask(question: string, { input, output, interrupt, signal }: AskOptions): Promise<boolean> {
  signal.throwIfAborted();
  using prompt = createInterface({ input, output });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  prompt.on("SIGINT", interrupt).once("close", () => reject(undefined));
  prompt.question(`${question} [y/N] `, resolve);
  try {
    return /^y(es)?$/i.test((await promise).trim());
  } catch {
    // Nobody has ended the line.
    output.write("\n");
    signal.throwIfAborted();
    return false;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
