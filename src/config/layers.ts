import { isKnownPath } from "./key-paths.ts";
import { isTree, mergeTrees, type Tree, valueAt } from "./tree.ts";

// Keys that say one thing together: who asks. A pair of which each half comes from another layer, or another
// layer's session token beside it, would be credentials that nobody issued.
const GROUPS: readonly (readonly (readonly string[])[])[] = [
  ["accessKeyId", "secretAccessKey", "sessionToken"].flatMap((name) => [
    ["s3", name],
    ["s3", `${name}File`],
  ]),
  ["username", "password", "passwordFile"].map((name) => ["etcd", "auth", name]),
];

/** `over` laid on `under`, without the keys of `under` that say together what `over` says in its own way. */
export function layOver(under: Tree, over: Tree): Tree {
  const replaced = GROUPS.filter((group) => group.some((path) => hasValue(over, path))).flat();
  return mergeTrees(replaced.reduce(without, under), over);
}

/** An empty key takes away that key alone: of a layer that only empties, the rest of the group must not vanish. */
function hasValue(tree: Tree, path: readonly string[]): boolean {
  const value = valueAt(tree, path);
  return value !== undefined && value !== "";
}

/** The tree without known keys that have no value: a section of which every key is commented out is one. */
export function withoutEmpty(tree: Tree, path: readonly string[] = []): Tree {
  const entries = Object.entries(tree).flatMap(([name, value]) => {
    const here = [...path, name];
    if (value === null && isKnownPath(here)) return [];
    return [[name, isTree(value) ? withoutEmpty(value, here) : value] as const];
  });
  return Object.fromEntries(entries);
}

function without(tree: Tree, [name = "", ...rest]: readonly string[]): Tree {
  const { [name]: child, ...others } = tree;
  return rest.length > 0 && isTree(child) ? { ...others, [name]: without(child, rest) } : others;
}
