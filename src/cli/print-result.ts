import { stringify } from "yaml";
import type { Terminal } from "./terminal.ts";

export type OutputFormat = "table" | "json" | "yaml";

/** Prints a result on stdout: as data, or as text for people. */
export function printResult(
  terminal: Terminal,
  { format, data, text }: { readonly format: OutputFormat; readonly data: unknown; readonly text: () => string },
): void {
  switch (format) {
    case "json":
      terminal.stdout.write(`${JSON.stringify(data, null, 2)}\n`);
      return;
    case "yaml":
      terminal.stdout.write(stringify(data));
      return;
    case "table":
      terminal.stdout.write(text());
      return;
  }
}
