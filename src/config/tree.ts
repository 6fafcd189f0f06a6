/** Raw configuration as a file, the environment or flags give it: nested records, nothing parsed yet. */
export type Tree = { [name: string]: unknown };

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A tree with one value at `path`. */
export function treeOf([name, ...rest]: readonly string[], value: unknown): Tree {
  return name === undefined ? {} : { [name]: rest.length > 0 ? treeOf(rest, value) : value };
}

/** `over` laid on `under`: records are merged, everything else is replaced. Neither is changed. */
export function mergeTrees(under: Tree, over: Tree): Tree {
  // A map, since assigning to "__proto__" would do something else.
  const merged = new Map(Object.entries(under));
  for (const [name, value] of Object.entries(over)) {
    const below = merged.get(name);
    merged.set(name, isTree(below) && isTree(value) ? mergeTrees(below, value) : value);
  }
  return Object.fromEntries(merged);
}

/** The value at `path`, or `undefined`. */
export function valueAt(tree: Tree, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, name) => {
    if (Array.isArray(value)) return value[Number(name)];
    return isTree(value) && Object.hasOwn(value, name) ? value[String(name)] : undefined;
  }, tree);
}
