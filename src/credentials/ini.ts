/** A section of an INI file. Lines count from 1; keys are in lower case. */
export interface IniSection {
  readonly name: string;
  readonly line: number;
  readonly entries: ReadonlyMap<string, IniEntry>;
}

export interface IniEntry {
  readonly value: string;
  readonly line: number;
  /** Line of an earlier entry of the same key, which this one hides. */
  readonly repeats?: number;
}

export interface Ini {
  readonly sections: readonly IniSection[];
  /** The first line that is not INI, in words that quote nothing of it: it may be a secret. */
  readonly problem?: { readonly line: number; readonly reason: string };
}

interface Parser {
  readonly sections: { name: string; line: number; entries: Map<string, IniEntry> }[];
  /** Whether the last key had no value, so that indented lines belong to it. */
  nested: boolean;
}

/**
 * Parses the dialect of AWS' shared files: `#` and `;` begin a comment at the start of a line or after
 * white space, a key without a value opens a block of indented lines, which are passed over.
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
export function parseIni(text: string): Ini {
  const parser: Parser = { sections: [], nested: false };
  let problem: Ini["problem"];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const reason = parseLine(parser, raw, index + 1);
    if (reason !== undefined) problem ??= { line: index + 1, reason };
  }
  return { sections: parser.sections, ...(problem && { problem }) };
}

/** Takes the line in, or says why it is none of INI. */
function parseLine(parser: Parser, raw: string, line: number): string | undefined {
  const content = raw.replace(/(^|\s)[#;].*$/, "").trim();
  if (content === "") return undefined;
  if (content.startsWith("[")) return openSection(parser, content, line);
  if (parser.nested && /^\s/.test(raw)) return undefined;
  return addEntry(parser, content, line);
}

function openSection(parser: Parser, content: string, line: number): string | undefined {
  const name = /^\[([^[\]]+)\]$/.exec(content)?.[1]?.trim();
  if (!name) return "a section name must stand between brackets";
  parser.sections.push({ name: name.replace(/\s+/g, " "), line, entries: new Map() });
  parser.nested = false;
  return undefined;
}

function addEntry(parser: Parser, content: string, line: number): string | undefined {
  const equals = content.indexOf("=");
  if (equals <= 0) return "neither a section nor key = value";
  const section = parser.sections.at(-1);
  if (!section) return "a key stands before the first section";

  const key = content.slice(0, equals).trim().toLowerCase();
  const value = content.slice(equals + 1).trim();
  const earlier = section.entries.get(key);
  section.entries.set(key, { value, line, ...(earlier && { repeats: earlier.line }) });
  parser.nested = value === "";
  return undefined;
}
