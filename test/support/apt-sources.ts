import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** The Debian releases whose packages the tests run. */
export type Suite = "bookworm" | "trixie";

/** Where a Debian mirror is, and how apt was told to trust it. */
export interface AptSource {
  readonly uri: string;
  /** Fields of deb822 that hold for every suite there, such as "signed-by". */
  readonly fields: Readonly<Record<string, string>>;
}

const run = promisify(execFile);

/**
 * The Debian mirrors that this machine's apt uses, likeliest first. The files are read here, since apt itself tells its
 * sources only after an update, which a fresh machine has not had and an ordinary user may not do.
 */
export async function aptSources(): Promise<AptSource[]> {
  const { stdout } = await run("apt-config", ["shell", "F", "Dir::Etc::sourcelist/f", "D", "Dir::Etc::sourceparts/d"]);
  const [, list = ""] = /^F='(.*)'$/m.exec(stdout) ?? [];
  const [, parts = ""] = /^D='(.*)'$/m.exec(stdout) ?? [];
  const entries = await readdir(parts).catch(() => []);
  const files = [list, ...entries.sort().map((entry) => join(parts, entry))];
  const found: AptSource[] = [];
  for (const file of files.filter((path) => /\.(list|sources)$/.test(path))) {
    const text = await readFile(file, "utf8").catch(() => "");
    found.push(...(file.endsWith(".list") ? parseOneLine(text) : parseDeb822(text)));
  }
  const first = new Map(found.toReversed().map((source) => [source.uri, source]));
  return [...first.values()].reverse().sort((a, b) => likelihood(b) - likelihood(a));
}

/** A deb822 source that takes `suite` from where `source` is. */
export function sourceFile(source: AptSource, suite: Suite): string {
  const fields = { types: "deb", uris: source.uri, suites: suite, components: "main", ...source.fields };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}

/** See "ONE-LINE-STYLE FORMAT" of sources.list(5). */
function parseOneLine(text: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const [, options = "", uri = "", suite = "", components = ""] =
      /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line) ?? [];
    const fields = options.split(/\s+/).map((option) => option.split(/=(.*)/, 2));
    return select([uri], { suites: suite, components, ...Object.fromEntries(fields) });
  });
}

/** See "DEB822-STYLE FORMAT" of sources.list(5): stanzas of fields, whose further lines begin with a space. */
export function parseDeb822(text: string): AptSource[] {
  const stanzas = text.replace(/^#.*\n/gm, "").split(/\n[ \t]*\n/);
  return stanzas.flatMap((stanza) => {
    const lines = stanza.matchAll(/^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)/gm);
    const fields = Object.fromEntries(
      [...lines].map(([, name = "", value = ""]) => [name.toLowerCase(), value.trim()]),
    );
    const isBinary = words(fields["types"]).includes("deb") && fields["enabled"] !== "no";
    return isBinary ? select(words(fields["uris"]), fields) : [];
  });
}

const codenames = /^(bullseye|bookworm|trixie|forky|sid|oldstable|stable|testing|unstable)$/;
const keptFields = ["signed-by", "trusted", "check-valid-until", "check-date", "allow-insecure", "by-hash"];

/** Keeps what may be a mirror of Debian; which of the others' sources use its suite names shows only on download. */
function select(uris: readonly string[], fields: Record<string, string>): AptSource[] {
  const isDebian = words(fields["suites"]).some((suite) => codenames.test(suite));
  if (!isDebian || !words(fields["components"]).includes("main")) return [];
  const kept = Object.entries(fields).filter(([name, value]) => keptFields.includes(name) && value);
  return uris.map((uri) => ({ uri, fields: Object.fromEntries(kept) }));
}

function words(value: string | undefined): string[] {
  return value?.split(/\s+/).filter(Boolean) ?? [];
}

/** A mirror of Debian itself ends in /debian nearly everywhere. */
function likelihood({ uri, fields }: AptSource): number {
  return Number(/\/debian\/?$/.test(uri)) + Number(fields["signed-by"]?.includes("debian-archive") ?? false);
}
