import { isKnownPath } from "./key-paths.ts";
import { isTree, mergeTrees, type Tree, valueAt } from "./tree.ts";

// Two ways to give the same thing. What a higher layer says in one way replaces what a lower one said in
// the other; in one layer, the schema refuses both.
const ALTERNATIVES: readonly (readonly [readonly string[], readonly string[]])[] = [
  ["s3", "accessKeyId"],
  ["s3", "secretAccessKey"],
  ["s3", "sessionToken"],
  ["etcd", "auth", "password"],
].map((path) => [path, [...path.slice(0, -1), `${path.at(-1)}File`]]);

/** `over` laid on `under`, without what `over` replaces by saying it in another way. */
export function layOver(under: Tree, over: Tree): Tree {
  const replaced = ALTERNATIVES.flatMap(([value, file]) => [
    ...(valueAt(over, value) === undefined ? [] : [file]),
    ...(valueAt(over, file) === undefined ? [] : [value]),
  ]);
  return mergeTrees(replaced.reduce(without, under), over);
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
