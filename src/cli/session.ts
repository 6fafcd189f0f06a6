import type { App } from "../app/app.ts";
import type { Config } from "../config/schema.ts";
import type { OutputFormat } from "./print-result.ts";
import type { Terminal } from "./terminal.ts";

/** What a command works with: a parsed configuration, and the program wired by it. */
export interface Session {
  readonly terminal: Terminal;
  readonly config: Config;
  readonly app: App;
  readonly format: OutputFormat;
  /** The configuration file that was read, if any. */
  readonly file: string | undefined;
  /** With what the env files give. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}
