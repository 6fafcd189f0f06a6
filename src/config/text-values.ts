import type { ConfigKey } from "./key-paths.ts";

// Values as variables and flags give them: text, into the form in which a YAML file would have them. What is
// not of the key's kind stays text, so that the schema refuses it and says where it stands.

export function parseText({ kind }: ConfigKey, text: string): unknown {
  switch (kind) {
    case "boolean":
      return parseBoolean(text) ?? LOOSER_BOOLEANS.get(text.toLowerCase()) ?? text;
    case "number":
      return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
    case "list":
      return parseList(text);
    case "map":
      return Object.fromEntries(text.split(",").filter(Boolean).map(splitPair));
    case "text":
      return text;
  }
}

const LOOSER_BOOLEANS = new Map(Object.entries({ true: true, yes: true, false: false, no: false, "": false }));

/** The forms that Go's strconv.ParseBool knows, and so k3s and etcdctl; `undefined` for any other text. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(0|f|F|FALSE|false|False)$/.test(text) ? false : undefined;
}

/** Items between commas; empty ones are dropped. */
export function parseList(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf("=");
  return at === -1 ? [pair.trim(), ""] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}
