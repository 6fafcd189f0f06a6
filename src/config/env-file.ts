/** What a file assigns, and what was wrong with it; `line` counts from 1. */
export interface EnvFile {
  readonly variables: ReadonlyMap<string, string>;
  readonly warnings: readonly EnvFileWarning[];
}

export interface EnvFileWarning {
  readonly line: number;
  readonly why: string;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const UNDECODED = "\uFFFD";

/**
 * Parses an EnvironmentFile as systemd does (systemd.exec(5); src/basic/env-file.c, v252): one assignment a line;
 * `#` and `;` begin comments where a name could begin, and a backslash at a comment's end continues it; quotes
 * hold newlines; a backslash escapes, and joins lines at their end; nothing is expanded; of two assignments the
 * later one holds. What systemd ignores is a warning here, which never shows text: it could be part of a secret.
 */
export function parseEnvFile(text: string): EnvFile {
  const refused = refusal(text);
  if (refused) return { variables: new Map(), warnings: [refused] };
  const variables = new Map<string, string>();
  const warnings: EnvFileWarning[] = [];
  for (const { line, name, value, isOpen } of assignments(text)) {
    const why = objection(name, value);
    if (why !== undefined) warnings.push({ line, why });
    else variables.set(name, value ?? "");
    if (isOpen) warnings.push({ line, why: "a quote that is opened here is never closed" });
  }
  return { variables, warnings };
}

/** For one byte that is not text systemd drops the whole file. */
function refusal(text: string): EnvFileWarning | undefined {
  if (text.includes("\0"))
    return { line: lineAt(text, text.indexOf("\0")), why: "a NUL byte makes systemd drop the file" };
  const broken = [...assignments(text)].find(
    ({ name, value }) => value !== undefined && `${name}${value}`.includes(UNDECODED),
  );
  return broken && { line: broken.line, why: "bytes that are not UTF-8 make systemd drop the file" };
}

function objection(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return 'the line has no "=" and is ignored';
  if (NAME.test(name)) return undefined;
  if (name.startsWith("export ")) return 'the line is ignored: leave out "export"';
  if (name.startsWith("\uFEFF")) return "the line is ignored: a byte order mark stands before it";
  return 'the line is ignored: what stands before the "=" is no variable\'s name';
}

interface Assignment {
  readonly line: number;
  readonly name: string;
  /** `undefined` if the line has no `=`. */
  readonly value: string | undefined;
  readonly isOpen: boolean;
}

// Sticky, so that each takes up where the last one ended. A carriage return ends a line as well.
const BLANK = /[ \t\r\n]*/y;
const COMMENT = /[#;](?:\\[\s\S]|[^\\\r\n])*\\?/y;
const LEFT_SIDE = /[\s\S][^=\r\n]*/y;
const SPACE = /[ \t]*/y;
const SINGLE_QUOTED = /'([^']*)('?)/y;
const DOUBLE_QUOTED = /"((?:\\[\s\S]|[^"\\])*)\\?("?)/y;
const UNQUOTED = /(?:\\[\s\S]|[^\\\r\n])*\\?/y;

function* assignments(text: string): Generator<Assignment> {
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text) ?? undefined;
    at += match?.[0].length ?? 0;
    return match;
  };
  for (take(BLANK); at < text.length; take(BLANK)) {
    if (take(COMMENT)) continue;
    const line = lineAt(text, at);
    const name = (take(LEFT_SIDE)?.[0] ?? "").replace(/[ \t]+$/, "");
    if (text[at] !== "=") {
      yield { line, name, value: undefined, isOpen: false };
      continue;
    }
    at++;
    yield { line, name, ...readValue(take) };
  }
}

/** Any number of quoted parts, then one that is not quoted, in which quotes are letters like any other. */
function readValue(take: (pattern: RegExp) => RegExpExecArray | undefined): { value: string; isOpen: boolean } {
  let value = "";
  for (;;) {
    take(SPACE);
    const single = take(SINGLE_QUOTED);
    const double = single ? undefined : take(DOUBLE_QUOTED);
    const quoted = single ?? double;
    if (!quoted) return { value: value + unescapeBare(take(UNQUOTED)?.[0] ?? ""), isOpen: false };
    value += double ? unescapeQuoted(double[1] ?? "") : (quoted[1] ?? "");
    if (quoted[2] === "") return { value, isOpen: true };
  }
}

/** Every letter may be escaped; an escaped newline is dropped, and an escaped blank at the end is kept. */
function unescapeBare(raw: string): string {
  const [, kept = ""] = /^((?:\\[\s\S]|[^\\]|\\$)*?)[ \t]*$/.exec(raw) ?? [];
  return kept.replace(/\\([\s\S]?)/g, (_, letter: string) => (/[\r\n]/.test(letter) ? "" : letter));
}

/** As in the shell: only `"`, `\`, a backtick and `$` need a backslash, which otherwise stays. */
function unescapeQuoted(raw: string): string {
  return raw.replace(/\\([\s\S])/g, (both, letter: string) => {
    if (letter === "\n") return "";
    return /["\\`$]/.test(letter) ? letter : both;
  });
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
