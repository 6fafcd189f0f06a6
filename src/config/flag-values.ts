import { BackupError } from "../errors.ts";
import { parseBoolean } from "./text-values.ts";
import { type Tree, treeOf } from "./tree.ts";
import { parseDuration } from "./units.ts";

// What the values of flags mean: each gives the keys that a value sets, or throws a `BackupError` of code `USAGE`.

export const sets =
  (...path: string[]) =>
  (value: unknown): Tree =>
    treeOf(path, value);

export const refuses = (name: string, hint: string) => (): never => {
  throw new BackupError("USAGE", `Cannot use --${name}: etcd-ark does not need it`, { hint });
};

/** Whether a switch is on; k3s takes the forms of Go's strconv.ParseBool. */
export function isOn(name: string, value: string): boolean {
  const on = parseBoolean(value);
  if (on !== undefined) return on;
  throw new BackupError("USAGE", `Cannot use --${name} "${value}": it is neither true nor false`, {
    hint: `Write --${name}, --${name}=true or --${name}=false`,
  });
}

export function lookupType(value: string): Tree {
  const addressing = { auto: "auto", "": "auto", dns: "virtual", path: "path", virtual: "virtual" }[value];
  if (addressing) return treeOf(["s3", "addressing"], addressing);
  throw new BackupError("USAGE", `Cannot use --s3-bucket-lookup-type "${value}": it is auto, dns or path`, {
    hint: "Leave it out for auto: by host name on AWS, by path elsewhere",
  });
}

export function stallTimeout(value: string): Tree {
  if (parseDuration(value) !== undefined) return treeOf(["s3", "stallTimeout"], value);
  throw new BackupError("USAGE", `Cannot use --s3-timeout "${value}": it is no duration`, {
    hint: 'Write a number and a unit, e.g. "30s" or "5m"',
  });
}

/** Retention as k3s has it: a count, and no other rule beside it. */
export function keepLast(name: string) {
  return (value: string): Tree => {
    if (!/^\d+$/.test(value))
      throw new BackupError("USAGE", `Cannot use --${name} "${value}": it is no number of snapshots`, {
        hint: 'Write a whole number, e.g. "24"',
      });
    const none = { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: "0s" };
    return { retention: { ...none, last: Number(value) } };
  };
}

/** `name:password` or `name`, as etcdctl takes it. */
export function userAndPassword(value: string): Tree {
  const [username = "", ...password] = value.split(":");
  return treeOf(["etcd", "auth"], { username, ...(password.length > 0 && { password: password.join(":") }) });
}
