import { CONFIG_FLAGS, k3sName } from "../config/flags.ts";

const OWN_NAME = new Map(
  CONFIG_FLAGS.flatMap((flag) => [[flag.name, flag] as const, [k3sName(flag) ?? flag.name, flag] as const]),
);

/**
 * Brings arguments into the one form that the parser takes: k3s's `etcd-` names become our own, and a switch
 * gets its value. The parser would refuse `--s3=true` for a switch, and let `--s3 [value]` swallow the next word.
 */
export function normaliseArgv(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  const ours = end === -1 ? argv : argv.slice(0, end);
  return [...ours.map(normalise), ...argv.slice(ours.length)];
}

function normalise(argument: string): string {
  const match = /^--([a-z0-9-]+)(=.*)?$/s.exec(argument);
  const flag = OWN_NAME.get(match?.[1] ?? "");
  if (!flag) return argument;
  const value = match?.[2] ?? (flag.value === undefined ? "=true" : "");
  return `--${flag.name}${value}`;
}
