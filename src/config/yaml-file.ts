import { type Alias, type Document, isNode, LineCounter, parseDocument, visit } from "yaml";
import { BackupError } from "../errors.ts";
import { isTree, type Tree } from "./tree.ts";

/** A configuration file, parsed as YAML and nothing more. */
export interface YamlFile {
  readonly tree: Tree;
  /** `file:line:column` of the value at `path`, or of the nearest record around it. */
  place(path: readonly PropertyKey[]): string;
}

interface Mistake {
  readonly offset: number;
  readonly why: string;
}

/** Parses a file's text. Throws `CONFIG_INVALID` with the place of the first mistake. */
export function parseYamlFile(file: string, text: string): YamlFile {
  const lines = new LineCounter();
  const source = text.replace(/^\uFEFF/, "");
  // Pretty errors would show lines of the file, which may hold secrets.
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  const placeOf = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const mistake = mistakeIn(source, document);
  if (mistake) throw malformed(placeOf(mistake.offset), mistake.why, source[mistake.offset]);
  const tree: unknown = document.toJS() ?? {};
  if (!isTree(tree)) throw malformed(`${file}:1:1`, "the file holds no keys and values");
  const place = (path: readonly PropertyKey[]): string => {
    for (let length = path.length; length > 0; length--) {
      const node: unknown = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return placeOf(node.range[0]);
    }
    return `${file}:1:1`;
  };
  return { tree, place };
}

function mistakeIn(source: string, document: Document): Mistake | undefined {
  const undecoded = source.indexOf("\uFFFD");
  if (undecoded !== -1) return { offset: undecoded, why: "the file is not UTF-8" };
  const [error] = [...document.errors, ...document.warnings];
  if (error) return { offset: error.pos[0], why: WORDS[error.code] ?? error.message };
  return aliasMistake(document) ?? expansionMistake(document);
}

// Messages of the library that speak of its own functions, or that repeat a piece of the file.
const WORDS: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: 'the file holds more than one document: remove the "---"',
  DUPLICATE_KEY: "the key stands there twice",
  TAG_RESOLVE_FAILED: 'a tag ("!…") means nothing here',
  UNEXPECTED_TOKEN: "something stands where nothing can",
};

/** An alias of nothing would be an error only when it is expanded, and one of what it stands in would never end. */
function aliasMistake(document: Document): Mistake | undefined {
  let mistake: Mistake | undefined;
  visit(document, {
    Alias(_, alias: Alias) {
      const anchored = alias.resolve(document);
      const offset = alias.range?.[0] ?? 0;
      const [from = 0, , until = 0] = anchored?.range ?? [];
      if (!anchored) mistake = { offset, why: "no anchor of that name stands above" };
      else if (from <= offset && offset < until) mistake = { offset, why: "the anchor would hold itself" };
      return mistake ? visit.BREAK : undefined;
    },
  });
  return mistake;
}

/** The library counts what aliases expand to, and throws when it is a trap. */
function expansionMistake(document: Document): Mistake | undefined {
  try {
    document.toJS();
    return undefined;
  } catch {
    return { offset: 0, why: "its aliases expand to far more than a configuration" };
  }
}

function malformed(place: string, why: string, at = ""): BackupError {
  const isBare = /[*@%`&!]/.test(at);
  return new BackupError("CONFIG_INVALID", `Cannot read ${place}: ${why}`, {
    hint: isBare
      ? `Put the value in quotes: "${at}" means something else in YAML`
      : "See config.example.yaml for the form",
  });
}
