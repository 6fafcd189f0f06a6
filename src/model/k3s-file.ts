import { type SnapshotName, snapshotName } from "./snapshot-name.ts";
import { nameOfFile } from "./snapshot-url.ts";
import { type Instant, parseCompactInstant } from "./time.ts";

/** What the name of a file says that k3s has written: `<name>-<node>-<seconds>`, or that with `.zip`. */
export interface K3sFile {
  readonly encoding: readonly string[];
  /** As far as the name tells, since neither of its parts is delimited; empty when it has no such form. */
  readonly node: string;
  readonly takenAt: Instant | undefined;
}

/** Takes the name of a file of k3s's folder apart. */
export function parseK3sFile(file: string): K3sFile {
  const { name, encoding } = file.endsWith(".zip") ? { name: file.slice(0, -4), encoding: ["zip"] } : nameOfFile(file);
  const [, stem = "", seconds] = /^(.+)-(\d{9,11})$/.exec(name) ?? [];
  const node = stem.replace(/^(etcd-snapshot|on-demand)-/, "");
  return { encoding, node, takenAt: seconds === undefined ? undefined : Number(seconds) * 1000 };
}

/** The name under which such a snapshot is kept here: always the same for the same bytes. */
export function importName({ node, at, sha256 }: ImportNameParts): SnapshotName {
  const numbers = [0, 2, 4, 6].map((digit) => Number.parseInt(sha256.slice(digit, digit + 2), 16) / 256).values();
  const random = (): number => numbers.next().value ?? 0;
  return snapshotName({ prefix: "k3s", node: node.replace(/[^A-Za-z0-9._-]+/g, "-") || "unknown", at, random });
}

/** When the snapshot of such a name was taken; `undefined` for all other names. */
export function takenAtOfImport(name: SnapshotName): Instant | undefined {
  const [, text = ""] = /^k3s-.*-(\d{8}T\d{9}Z)-[a-z]{4}$/.exec(name) ?? [];
  return parseCompactInstant(text);
}

interface ImportNameParts {
  readonly node: string;
  readonly at: Instant;
  /** etcd's digest. */
  readonly sha256: string;
}
