import type { z } from "zod";
import { BackupError } from "../errors.ts";
import { didYouMean } from "./did-you-mean.ts";
import { CONFIG_KEYS, CONFIG_SECTIONS, keyAt } from "./key-paths.ts";
import { type Tree, valueAt } from "./tree.ts";

/** What a configuration was read from, to say where it is wrong. */
export interface Surroundings {
  readonly tree: Tree;
  /** Where the value at a path comes from: a place in the file, a variable, a flag. */
  readonly sourceOf: (path: readonly PropertyKey[]) => string;
}

interface Complaint {
  readonly path: readonly PropertyKey[];
  readonly why: string;
  readonly hint?: string;
}

const SCHEMA_HINT = "docs/configuration.md explains every key; `etcd-ark config schema` prints the schema";

/** The error for what the schema refused: the first mistake whole, and the places of the others. */
export function invalidConfig(issues: readonly z.core.$ZodIssue[], surroundings: Surroundings): BackupError {
  const [first, ...others] = issues.flatMap(complaintsOf);
  if (!first) throw new Error("The schema refused the configuration and did not say why");
  const { path, why, hint = SCHEMA_HINT } = first;
  const more = others.map(
    (other) => `; so is "${other.path.join(".")}" (${surroundings.sourceOf(other.path)}): ${other.why}`,
  );
  const place = surroundings.sourceOf(path);
  return new BackupError(
    "CONFIG_INVALID",
    `Cannot use "${path.join(".")}"${shown(path, surroundings.tree)} (${place}): ${why}${more.join("")}`,
    { hint },
  );
}

/** The value, unless it is or holds a secret. */
function shown(path: readonly PropertyKey[], tree: Tree): string {
  const key = keyAt(path);
  const value = valueAt(tree, path);
  if (!key || key.isSecret || value === undefined || (typeof value === "object" && value !== null)) return "";
  return ` = ${JSON.stringify(withoutPassword(value))}`;
}

/** What could be a URL with a password is not shown with it: the last "@" ends user and password, whatever is in them. */
export function withoutPassword(value: unknown): unknown {
  return typeof value === "string" ? value.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1********@") : value;
}

function complaintsOf(issue: z.core.$ZodIssue): Complaint[] {
  if (issue.code !== "unrecognized_keys") return [{ path: issue.path, ...explain(issue) }];
  return issue.keys.map((name) => {
    const path = [...issue.path, name].map(String);
    return { path, why: "there is no such key", hint: hintFor(path) };
  });
}

function explain(issue: z.core.$ZodIssue): Omit<Complaint, "path"> {
  switch (issue.code) {
    case "invalid_type":
      return WANTED[issue.expected] ?? { why: `it is of the wrong type, not ${issue.expected}` };
    case "invalid_union":
      return { why: "it is neither text nor a number" };
    case "invalid_value":
      return { why: `it must be one of ${issue.values.map((value) => `"${String(value)}"`).join(", ")}` };
    case "too_small":
      return { why: issue.origin === "array" ? "it is empty" : `it is less than ${issue.minimum}` };
    case "custom":
      return withHint(issue.message, issue.params?.["hint"]);
    default:
      return { why: issue.message };
  }
}

const WANTED: Readonly<Record<string, Omit<Complaint, "path">>> = {
  string: { why: "it must be text", hint: "Put it in quotes" },
  boolean: { why: "it must be true or false" },
  number: { why: "it must be a number" },
  int: { why: "it must be a whole number" },
  array: { why: "it must be a list", hint: 'Write it in brackets: "[a, b]"' },
  object: { why: "it must hold keys and values" },
  record: { why: "it must hold keys and values" },
};

function withHint(why: string, hint: unknown): Omit<Complaint, "path"> {
  return typeof hint === "string" ? { why, hint } : { why };
}

/** The sibling that was meant, or a key of that name that stands elsewhere. */
function hintFor(path: readonly string[]): string {
  const [name = ""] = path.slice(-1);
  const known = [...CONFIG_KEYS, ...CONFIG_SECTIONS].map((key) => key.path);
  const parent = path.slice(0, -1).join(".");
  const siblings = known.filter((other) => other.slice(0, -1).join(".") === parent);
  const sibling = didYouMean(
    name,
    siblings.map((other) => other.at(-1) ?? ""),
  );
  if (sibling !== undefined) return `Did you mean "${[...path.slice(0, -1), sibling].join(".")}"?`;
  const elsewhere = known.find((other) => other.at(-1) === name);
  return elsewhere ? `Did you mean "${elsewhere.join(".")}"?` : "docs/configuration.md lists every key";
}
