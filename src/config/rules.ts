import type { z } from "zod";
import { isBackupError } from "../errors.ts";
import type { Compression } from "../model/compression.ts";
import { parseCron } from "../model/cron.ts";
import { checkNamePart } from "../model/snapshot-name.ts";
import { timeZone } from "../model/time-zone.ts";
import { parseSize } from "./units.ts";

/** What is wrong with a value, which is shown before it. */
export interface Objection {
  readonly message: string;
  readonly hint?: string;
}

/** Says what is wrong with a value, if anything. */
export type Rule = (value: string) => Objection | undefined;

/** A rule as a check of a Zod schema. */
export function checkedBy(rule: Rule) {
  return (value: string, context: z.RefinementCtx<string>): void => {
    const objection = rule(value);
    if (objection) object(context, [], objection);
  };
}

/** Adds an objection to the key at `path`, relative to the schema that is being checked. */
export function object(context: z.RefinementCtx, path: readonly string[], { message, hint }: Objection): void {
  context.addIssue({ code: "custom", path: [...path], message, params: { hint } });
}

/** A rule that lets an empty value pass. */
export function optional(rule: Rule): Rule {
  return (value) => (value === "" ? undefined : rule(value));
}

export const isNamePart: Rule = (value) => objectionOf(() => checkNamePart(value, "name"));

export const isCron: Rule = (value) => objectionOf(() => parseCron(value));

export const isTimeZone: Rule = (value) => objectionOf(() => timeZone(value));

/** A URL of http or https without user, query and fragment; without a scheme, `host` or `host:port`. */
export const isHttpUrl: Rule = (value) => {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `https://${value}`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return { message: "it is not an http or https URL", hint: 'Write "https://host:port"' };
  }
  if (url.username !== "" || url.password !== "") {
    return { message: "it has a user or password in it", hint: "Leave them out: they have keys of their own" };
  }
  if (url.search !== "" || url.hash !== "") return { message: 'it has a "?" or "#" in it' };
  return undefined;
};

/** As `isHttpUrl`, and without a path: gRPC has none. */
export const isEtcdEndpoint: Rule = (value) => {
  const objection = isHttpUrl(value);
  if (objection) return { ...objection, hint: 'Write "https://host:2379", or "host:2379"' };
  return /^(https?:\/\/)?[^/]+\/?$/i.test(value) ? undefined : { message: "it has a path" };
};

/** A proxy's URL may name a user; `none` is no proxy. */
export const isProxy: Rule = (value) => {
  const url = URL.parse(value);
  if (value === "none" || (url !== null && /^https?:$/.test(url.protocol))) return undefined;
  return { message: "it is not an http or https URL", hint: 'Write "http://host:port", or "none" for no proxy' };
};

// Not S3's whole grammar: older services allow capitals, "_" and a tenant before a ":".
export const isBucket: Rule = (value) => {
  if (!/[/\s]/.test(value)) return undefined;
  return {
    message: "it is not the name of a bucket",
    hint: "Write the name alone; a folder in the bucket goes into s3.folder",
  };
};

export const isFolder: Rule = (value) => {
  const parts = trimSlashes(value).split("/");
  if (!parts.some((part) => part === "" || part === "." || part === "..")) return undefined;
  return { message: 'it has an empty, "." or ".." part' };
};

/** `none` is no spool; a relative path would depend on where the program was started. */
export const isSpoolPath: Rule = (value) => {
  if (value === "none" || value.startsWith("/")) return undefined;
  return {
    message: "it is not an absolute path",
    hint: 'Write it from the root on, e.g. "/var/lib/etcd-ark", or "none" for no spool',
  };
};

/** `20%` or `10GiB`. */
export const isShareOrSize: Rule = (value) => {
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(value)?.[1];
  if (percent !== undefined ? Number(percent) < 100 : parseSize(value) !== undefined) return undefined;
  return { message: "it is neither a share nor a size", hint: 'Write "20%" or "10GiB"' };
};

/** A folder without slashes at its ends. */
export function trimSlashes(folder: string): string {
  return folder.replace(/^\/+|\/+$/g, "");
}

const LEVELS = { zstd: 19, gzip: 9 } as const;

/** `none`, `zstd`, `gzip`, or one of the latter with a level: `zstd:3`. */
export function parseCompression(text: string): Compression | undefined {
  if (text === "none") return { algorithm: "none" };
  const [, algorithm, digits] = /^(zstd|gzip)(?::(\d+))?$/.exec(text) ?? [];
  if (algorithm !== "zstd" && algorithm !== "gzip") return undefined;
  const level = digits === undefined ? undefined : Number(digits);
  return level === undefined || (level >= 1 && level <= LEVELS[algorithm]) ? { algorithm, level } : undefined;
}

/** A compression as it is written in a config file. */
export function formatCompression(compression: Compression): string {
  if (compression.algorithm === "none" || compression.level === undefined) return compression.algorithm;
  return `${compression.algorithm}:${compression.level}`;
}

/** The model refuses by throwing; the detail after the colon is what is wrong with the value. */
function objectionOf(check: () => unknown): Objection | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!isBackupError(error)) throw error;
    const message = error.message.replace(/^Cannot use (?:[a-z]+ )*".*?": /s, "");
    return { message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
}
