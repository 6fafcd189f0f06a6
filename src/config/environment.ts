import { BackupError } from "../errors.ts";
import { didYouMean } from "./did-you-mean.ts";
import { CONFIG_KEYS, environmentName } from "./key-paths.ts";
import { parseText } from "./text-values.ts";
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

function unknownName(name: string): BackupError {
  const meant = didYouMean(name, [...KEYS.keys()]);
  return new BackupError("CONFIG_INVALID", `Cannot use environment variable "${name}": there is no such key`, {
    hint: meant ? `Did you mean ${meant}?` : "docs/configuration.md lists the names",
  });
}
