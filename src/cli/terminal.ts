/** The part of the process that commands use; `main.ts` hands it in, tests hand in another. */
export interface Terminal {
  /** What was asked for, and nothing else. */
  readonly stdout: Output;
  /** Everything that is said on the way. */
  readonly stderr: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Asks a yes-or-no question on the terminal; absent when nobody can answer. */
  readonly confirm?: (question: string) => Promise<boolean>;
  readonly workingDirectory: string;
  /** This process's id. */
  readonly pid: number;
  /** Aborts on SIGINT and SIGTERM, with a `BackupError` of code `INTERRUPTED`. */
  readonly signal: AbortSignal;
}

export interface Output {
  readonly isTTY: boolean;
  readonly columns: number | undefined;
  write(text: string): void;
}

/** Whether to colour, by the NO_COLOR convention. */
export function coloured(terminal: Terminal, output: Output): boolean {
  return output.isTTY && !terminal.environment["NO_COLOR"] && terminal.environment["TERM"] !== "dumb";
}
