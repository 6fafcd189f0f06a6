import { BackupError } from "../errors.ts";
import { type Environment, treeFromEnvironment } from "./environment.ts";
import { etcdctlVariable, treeFromEtcdctl } from "./etcdctl.ts";
import { invalidConfig } from "./invalid-config.ts";
import { environmentName, keyAt } from "./key-paths.ts";
import { layOver, withoutEmpty } from "./layers.ts";
import { detectPreset, PRESETS, type Preset, presetTree } from "./presets.ts";
import { isNamePart } from "./rules.ts";
import { Config } from "./schema.ts";
import { isTree, type Tree, valueAt } from "./tree.ts";
import { parseYamlFile, type YamlFile } from "./yaml-file.ts";

export const DEFAULT_CONFIG_FILE = "/etc/etcd-ark/config.yaml";

/** A file's text, or why there is none. */
export type FileRead = { readonly text: string } | { readonly missing: true } | { readonly unreadable: string };

export interface LoadOptions {
  /** `--config`; empty when it was not given. */
  readonly file: string;
  readonly environment: Environment;
  /** What flags set, above everything else. */
  readonly flags: Tree;
  readonly hostname: string;
  readonly exists: (path: string) => boolean;
  readonly readFile: (path: string) => FileRead;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read, if any. */
  readonly file: string | undefined;
  /** The distribution whose etcd was found on this node because nothing else was told. */
  readonly detected: Preset | undefined;
  /** Where a key's value comes from: `default`, `file:line:column`, a variable's name, or `flag`. */
  sourceOf(path: readonly string[]): string;
}

/**
 * Default, then file, then environment, then flag; the later wins. Throws `CONFIG_INVALID` for whatever is wrong,
 * with the place of it.
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { environment, flags, hostname, exists } = options;
  const file = readConfigFile(options);
  const etcdctl = treeFromEtcdctl(environment);
  const own = treeFromEnvironment(environment);
  const told = [file?.tree ?? {}, etcdctl, own, flags].reduce(layOver);
  const detected = detectPreset(told, exists);
  const preset = detected ?? presetOf(told);
  const tree = preset ? layOver(presetTree(preset, exists), told) : told;
  const sourceOf = (path: readonly PropertyKey[]): string => {
    if (valueAt(tree, path) === undefined) return "default";
    if (valueAt(flags, path) !== undefined) return "flag";
    if (valueAt(own, path) !== undefined) return environmentName(keyAt(path)?.path ?? path.map(String));
    if (valueAt(etcdctl, path) !== undefined) return etcdctlVariable(environment, path);
    if (file && valueAt(file.tree, path) !== undefined) return file.place(path);
    return `preset ${preset}`;
  };
  refuseReferences(tree, [], sourceOf);
  const parsed = Config.safeParse(tree);
  if (!parsed.success) throw invalidConfig(parsed.error.issues, { tree, sourceOf });
  const { data } = parsed;
  const config = freeze({ ...data, node: data.node || nameOfHost(hostname) });
  return { config, file: file?.path, detected, sourceOf };
}

/** The host's name serves as the node's, so it has to be one that can stand in a key. */
function nameOfHost(hostname: string): string {
  const objection = isNamePart(hostname);
  if (objection === undefined) return hostname;
  throw new BackupError("CONFIG_INVALID", `Cannot use host name "${hostname}" as "node": ${objection.message}`, {
    hint: 'Set "node" in the configuration',
  });
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}

function presetOf(tree: Tree): Preset | undefined {
  return PRESETS.find((preset) => preset === valueAt(tree, ["etcd", "preset"]));
}

function readConfigFile({ file, environment, readFile }: LoadOptions): (YamlFile & { path: string }) | undefined {
  const named = file || environment["ETCD_ARK_CONFIG"];
  const path = named || DEFAULT_CONFIG_FILE;
  const read = readFile(path);
  if ("text" in read) {
    const { tree, place } = parseYamlFile(path, read.text);
    return { path, tree: withoutEmpty(tree), place };
  }
  if ("missing" in read && !named) return undefined;
  const detail = "missing" in read ? "there is no such file" : read.unreadable;
  throw new BackupError("CONFIG_INVALID", `Cannot read configuration file "${path}": ${detail}`, {
    hint: named
      ? "Check --config and $ETCD_ARK_CONFIG"
      : `Run as the user who may read it, or name another with --config`,
  });
}

/** `${NAME}` is never expanded: half of the passwords of the world have a dollar in them. */
function refuseReferences(value: unknown, path: readonly string[], sourceOf: LoadedConfig["sourceOf"]): void {
  if (isTree(value))
    for (const [name, inner] of Object.entries(value)) refuseReferences(inner, [...path, name], sourceOf);
  if (typeof value !== "string" || !/\$\{\w+\}/.test(value)) return;
  throw new BackupError(
    "CONFIG_INVALID",
    `Cannot use "${path.join(".")}" (${sourceOf(path)}): "\${…}" is not expanded here`,
    {
      hint: `Set ${environmentName(path)} in the env file instead, or use the …File form of a secret`,
    },
  );
}
