import { BackupError } from "../errors.ts";
import { didYouMean } from "./did-you-mean.ts";
import { CONFIG_KEYS, type ConfigKey, environmentName } from "./key-paths.ts";
import { mergeTrees, type Tree, treeOf } from "./tree.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const KEYS = new Map(CONFIG_KEYS.map((key) => [environmentName(key.path), key]));
/** Not keys of the file: where the file is, and what only tests read. */
const OTHERS = /^ETCD_ARK_(CONFIG$|TEST_)/;

/** The keys that the environment sets. An unknown `ETCD_ARK_…` name throws `CONFIG_INVALID`. */
export function treeFromEnvironment(environment: Environment): Tree {
  let tree: Tree = {};
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith("ETCD_ARK_") || OTHERS.test(name) || text === undefined) continue;
    const key = KEYS.get(name);
    if (!key) throw unknownName(name);
    tree = mergeTrees(tree, treeOf(key.path, parseText(key, text)));
  }
  return tree;
}

/** A value as text into the form in which a YAML file would give it. */
function parseText({ kind }: ConfigKey, text: string): unknown {
  switch (kind) {
    case "boolean":
      return /^(true|1|yes)$/i.test(text) ? true : /^(false|0|no|)$/i.test(text) ? false : text;
    case "number":
      return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
    case "list":
      return text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "");
    case "map":
      return Object.fromEntries(text.split(",").filter(Boolean).map(splitPair));
    case "text":
      return text;
  }
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf("=");
  return at === -1 ? [pair.trim(), ""] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

function unknownName(name: string): BackupError {
  const meant = didYouMean(name, [...KEYS.keys()]);
  return new BackupError("CONFIG_INVALID", `Cannot use environment variable "${name}": there is no such key`, {
    hint: meant ? `Did you mean ${meant}?` : "docs/configuration.md lists the names",
  });
}
