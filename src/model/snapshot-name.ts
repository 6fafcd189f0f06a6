import { BackupError, type ErrorCode } from "../errors.ts";
import { compactInstant, type Instant } from "./time.ts";

/** `<prefix>-<node>-<UTC time>-<4 letters>`: unique, and never parsed back. */
export type SnapshotName = string;

const NAME_PART = /^[A-Za-z0-9._-]+$/;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";

export interface SnapshotNameParts {
  readonly prefix: string;
  readonly node: string;
  readonly at: Instant;
  /** A number in [0, 1) for each letter. */
  readonly random: () => number;
}

/** Composes a name, e.g. `ark-cp-1-20261123T225501123Z-qhzb`. */
export function snapshotName({ prefix, node, at, random }: SnapshotNameParts): SnapshotName {
  const letters = Array.from({ length: 4 }, () => ALPHABET[Math.floor(random() * ALPHABET.length)]);
  return [checkPrefix(prefix), checkNamePart(node, "node"), compactInstant(at), letters.join("")].join("-");
}

/**
 * Refuses name prefixes by which k3s would delete our objects: its retention takes every object whose
 * name begins with `etcd-snapshot` or `on-demand`, and treats `.zip` as compressed.
 */
export function checkPrefix(prefix: string): string {
  checkNamePart(prefix, "name", "USAGE");
  if (/^(etcd-snapshot|on-demand)/.test(prefix) || prefix.endsWith(".zip")) {
    throw new BackupError(
      "USAGE",
      `Cannot use name "${prefix}": k3s prunes or unpacks snapshots that are named like this`,
      {
        hint: 'Choose a name that does not begin with "etcd-snapshot" or "on-demand" and does not end in ".zip"',
      },
    );
  }
  return prefix;
}

/** Whether text could be the name of a snapshot. */
export function isSnapshotName(text: string): boolean {
  return NAME_PART.test(text);
}

/** Refuses what could not stand in an object key and in a file name everywhere. */
export function checkNamePart(part: string, what: string, code: ErrorCode = "CONFIG_INVALID"): string {
  if (NAME_PART.test(part) && part !== "." && part !== "..") return part;
  throw new BackupError(code, `Cannot use ${what} "${part}": only letters, digits, ".", "_" and "-" are allowed`, {
    hint: `Leave out or replace the other characters, e.g. "${part.replace(/[^A-Za-z0-9._-]+/g, "-") || "etcd"}"`,
  });
}
