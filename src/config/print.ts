import { stringify } from "yaml";
import type { Compression } from "../model/compression.ts";
import { withoutPassword } from "./invalid-config.ts";
import { CONFIG_KEYS, type ConfigKey } from "./key-paths.ts";
import type { LoadedConfig } from "./load.ts";
import { formatCompression } from "./rules.ts";
import { isTree, mergeTrees, type Tree, treeOf, valueAt } from "./tree.ts";
import { formatDuration, formatSize } from "./units.ts";

/**
 * The effective configuration as YAML that could be a file, with where each value comes from that is no default.
 * Secrets are masked.
 */
export function printConfig({ config, sourceOf, file }: LoadedConfig): string {
  const lines = [`# file: ${file ?? "none"}`];
  let tree: Tree = {};
  for (const key of CONFIG_KEYS) {
    const value = key.path.join(".") === "compression" ? compressionText(config) : printedValue(config, key);
    tree = mergeTrees(tree, treeOf(key.path, value));
    const source = sourceOf(key.path);
    if (source !== "default") lines.push(`# ${key.path.join(".")}: ${source}`);
  }
  return `${lines.join("\n")}\n${stringify(tree)}`;
}

function compressionText({ compression }: { readonly compression: Compression }): string {
  return formatCompression(compression);
}

function printedValue(config: unknown, { path, unit, isSecret }: ConfigKey): unknown {
  const value = isTree(config) ? valueAt(config, path) : undefined;
  if (isSecret && value) return "********";
  // What the schema let pass holds a password only in a URL; a path with an "@" in it must stay as it is.
  if (typeof value === "string" && URL.canParse(value)) return withoutPassword(value);
  if (typeof value !== "number") return value;
  if (unit === undefined) return value;
  return unit === "duration" ? formatDuration(value) : formatSize(value);
}
