import { readFileSync } from "node:fs";

/** A fenced block of README.md. */
export interface Block {
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of "Install the service", in order. */
export function installBlocks(): Block[] {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const section = /^## Install the service\n(.*?)(?=^## )/ms.exec(readme)?.[1] ?? "";
  return Array.from(section.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, language = "", text = ""]) => ({
    language,
    text,
  }));
}

/** Puts values into a copy of config.example.yaml as an editor would: where the key stands, and without its `#`. */
export function edit(text: string, settings: object): string {
  const lines = text.split("\n");
  for (const [path, value] of leaves(settings)) {
    const line = lineOf(lines, path);
    lines[line] = `${"  ".repeat(path.length - 1)}${path.at(-1)}: ${JSON.stringify(value)}`;
  }
  return lines.join("\n");
}

function leaves(settings: object, above: readonly string[] = []): [readonly string[], unknown][] {
  return Object.entries(settings).flatMap(([key, value]: [string, unknown]) => {
    const path = [...above, key];
    return isSection(value) ? leaves(value, path) : [[path, value]];
  });
}

function isSection(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function lineOf(lines: readonly string[], path: readonly string[]): number {
  let line = -1;
  for (const [depth, key] of path.entries()) {
    const start = new RegExp(`^ {${2 * depth}}#?${key}:`);
    line = lines.findIndex((text, index) => index > line && start.test(text));
    if (line === -1) throw new Error(`Cannot find "${path.join(".")}" in config.example.yaml`);
  }
  return line;
}

// For test/systemd/run, which follows the first block outside of the container.
if (import.meta.main) process.stdout.write(installBlocks()[0]?.text ?? "");
