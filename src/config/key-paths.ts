import { z } from "zod";
import { Config } from "./schema.ts";

export type KeyKind = "text" | "number" | "boolean" | "list" | "map";

/** A key of the configuration that holds a value. */
export interface ConfigKey {
  /** From the top: `["s3", "endpointCA"]`. */
  readonly path: readonly string[];
  /** How it is written as text. */
  readonly kind: KeyKind;
  readonly description: string;
  /** Its default, as it is written in a file. */
  readonly preset: unknown;
  /** The words that it is one of; empty when any will do. */
  readonly choices: readonly string[];
  /** What its value is an amount of; parsed, milliseconds or bytes. */
  readonly unit: "duration" | "size" | undefined;
  /** Whether its value must not be shown. */
  readonly isSecret: boolean;
}

/** A key that holds other keys. */
export interface ConfigSection {
  readonly path: readonly string[];
  readonly description: string;
}

const SchemaNode = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().default(""),
  default: z.unknown().optional(),
  enum: z.array(z.string()).default([]),
  properties: z.record(z.string(), z.unknown()).optional(),
  "x-unit": z.enum(["duration", "size"]).optional(),
  "x-secret": z.boolean().default(false),
});
type SchemaNode = z.output<typeof SchemaNode>;

/** The JSON Schema of a configuration file, for editors and other tools. */
export function jsonSchema(): Readonly<Record<string, unknown>> {
  return { title: "etcd-ark", ...z.toJSONSchema(Config, { io: "input" }) };
}

const NODES = collect([], SchemaNode.parse(jsonSchema()));

/** Every key that holds a value, in the schema's order. */
export const CONFIG_KEYS: readonly ConfigKey[] = NODES.flatMap(({ path, node }) =>
  node.properties
    ? []
    : [
        {
          path,
          kind: kindOf(node.type),
          description: node.description,
          preset: node.default,
          choices: node.enum,
          unit: node["x-unit"],
          isSecret: node["x-secret"],
        },
      ],
);

/** Every key that holds others, in the schema's order. */
export const CONFIG_SECTIONS: readonly ConfigSection[] = NODES.flatMap(({ path, node }) =>
  node.properties && path.length > 0 ? [{ path, description: node.description }] : [],
);

const KEYS_BY_PATH = new Map(CONFIG_KEYS.map((key) => [key.path.join("."), key]));
const KNOWN_PATHS = new Set([...CONFIG_KEYS, ...CONFIG_SECTIONS].map(({ path }) => path.join(".")));

/** The key at a path, or, below a list or a map, the key that holds it. */
export function keyAt(path: readonly PropertyKey[]): ConfigKey | undefined {
  const parts = path.map(String);
  return parts.map((_, cut) => KEYS_BY_PATH.get(parts.slice(0, parts.length - cut).join("."))).find(Boolean);
}

/** Whether a key or section stands at a path. */
export function isKnownPath(path: readonly string[]): boolean {
  return KNOWN_PATHS.has(path.join("."));
}

/** `ETCD_ARK_S3_ENDPOINT_CA` for `s3.endpointCA`: capitals, split at case, acronyms whole. */
export function environmentName(path: readonly string[]): string {
  const words = path.map((part) =>
    part.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/([A-Z])([A-Z][a-z])/g, "$1_$2"),
  );
  return ["ETCD_ARK", ...words].join("_").toUpperCase();
}

function collect(path: readonly string[], node: SchemaNode): { path: readonly string[]; node: SchemaNode }[] {
  const children = Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    collect([...path, name], SchemaNode.parse(child)),
  );
  return [{ path, node }, ...children];
}

function kindOf(type: SchemaNode["type"]): KeyKind {
  if (type === "array") return "list";
  if (type === "object") return "map";
  if (type === "boolean") return "boolean";
  return type === "integer" ? "number" : "text";
}
