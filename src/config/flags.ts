import { BackupError } from "../errors.ts";
import { isOn, keepLast, lookupType, refuses, sets, stallTimeout, userAndPassword } from "./flag-values.ts";
import { parseList } from "./text-values.ts";
import { isTree, mergeTrees, type Tree, treeOf, valueAt } from "./tree.ts";

/** A flag that sets part of the configuration. */
export type ConfigFlag = ValueFlag | SwitchFlag;

interface FlagText {
  /** Without dashes. */
  readonly name: string;
  readonly description: string;
  /** What is worth saying when it is used. */
  readonly note?: string;
}

interface ValueFlag extends FlagText {
  /** What stands for the value in help. */
  readonly value: string;
  /** The keys that a value sets, or a `BackupError` of code `USAGE`. */
  readonly set: (value: string) => Tree;
}

interface SwitchFlag extends FlagText {
  readonly value?: never;
  /** The keys that it sets when it is on or off. */
  readonly turn: (on: boolean) => Tree;
}

const S3_FLAGS: readonly ConfigFlag[] = [
  {
    name: "s3",
    description: "store in S3; --s3=false turns it off",
    turn: (on) => (on ? {} : treeOf(["s3", "bucket"], "")),
  },
  { name: "s3-bucket", value: "name", description: "bucket", set: sets("s3", "bucket") },
  { name: "s3-region", value: "name", description: "region", set: sets("s3", "region") },
  {
    name: "s3-endpoint",
    value: "url",
    description: "S3-compatible service: a URL, or a host as k3s takes it",
    set: sets("s3", "endpoint"),
  },
  {
    name: "s3-endpoint-ca",
    value: "file",
    description: "its CA: a file, or base64 of PEM",
    set: sets("s3", "endpointCA"),
  },
  { name: "s3-skip-ssl-verify", description: "do not verify its certificate", turn: sets("s3", "skipTLSVerify") },
  {
    name: "s3-access-key",
    value: "id",
    description: "access key id (others on the machine can see it)",
    set: sets("s3", "accessKeyId"),
  },
  {
    name: "s3-secret-key",
    value: "key",
    description: "secret access key (others on the machine can see it)",
    set: sets("s3", "secretAccessKey"),
  },
  { name: "s3-session-token", value: "token", description: "session token", set: sets("s3", "sessionToken") },
  {
    name: "s3-profile",
    value: "name",
    description: "profile of the shared credentials file",
    set: sets("s3", "profile"),
  },
  { name: "s3-bucket-lookup-type", value: "type", description: "auto, dns or path", set: lookupType },
  { name: "s3-folder", value: "prefix", description: "key prefix", set: sets("s3", "folder") },
  { name: "s3-proxy", value: "url", description: 'proxy for S3, or "none"', set: sets("s3", "proxy") },
  { name: "s3-insecure", description: "plain http", turn: () => ({}) },
  {
    name: "s3-timeout",
    value: "duration",
    description: "give a request up when nothing moves for so long",
    set: stallTimeout,
    note: "--s3-timeout is the time without progress here, not the time that an upload may take",
  },
  {
    name: "s3-retention",
    value: "n",
    description: "keep the last n ticks and nothing else",
    set: keepLast("s3-retention"),
  },
  {
    name: "s3-config-secret",
    value: "name",
    description: "refused: there is no Kubernetes API here",
    set: refuses(
      "s3-config-secret",
      "Put the settings into /etc/etcd-ark/config.yaml and the keys into the credentials file",
    ),
  },
];

const SNAPSHOT_FLAGS: readonly ConfigFlag[] = [
  { name: "dir", value: "path", description: "keep a copy in this directory", set: sets("directory", "path") },
  {
    name: "snapshot-compress",
    description: "compress with zstd",
    turn: (on) => treeOf(["compression"], on ? "zstd" : "none"),
    note: "k3s restores raw snapshots only: fetch a compressed one with `etcd-ark fetch` first",
  },
  {
    name: "snapshot-retention",
    value: "n",
    description: "keep the last n ticks and nothing else",
    set: keepLast("snapshot-retention"),
  },
];

const OTHER_FLAGS: readonly ConfigFlag[] = [
  { name: "cluster", value: "name", description: "this cluster's folder in the bucket", set: sets("cluster") },
  { name: "node-name", value: "name", description: "this node's name", set: sets("node") },
  {
    name: "endpoints",
    value: "list",
    description: "etcd's endpoints, comma-separated",
    set: (value) => treeOf(["etcd", "endpoints"], parseList(value)),
  },
  { name: "cacert", value: "file", description: "CA of etcd's certificates", set: sets("etcd", "tls", "caFile") },
  { name: "cert", value: "file", description: "client certificate for etcd", set: sets("etcd", "tls", "certFile") },
  { name: "key", value: "file", description: "its key", set: sets("etcd", "tls", "keyFile") },
  {
    name: "insecure-skip-tls-verify",
    description: "do not verify etcd's certificate",
    turn: sets("etcd", "tls", "skipVerify"),
  },
  { name: "user", value: "name[:password]", description: "etcd user", set: userAndPassword },
  {
    name: "etcd-server",
    value: "url",
    description: "refused: etcd is asked directly",
    set: refuses("etcd-server", "Name etcd with --endpoints and its certificates with --cacert --cert --key"),
  },
  {
    name: "etcd-token",
    value: "token",
    description: "refused: etcd is asked directly",
    set: refuses("etcd-token", "Name etcd with --endpoints and its certificates with --cacert --cert --key"),
  },
  {
    name: "log-level",
    value: "level",
    description: "trace, debug, info, warn or error",
    set: sets("logging", "level"),
  },
  { name: "log-format", value: "format", description: "auto, json or pretty", set: sets("logging", "format") },
];

/** Flags of every command, with k3s's `etcd-` forms of those that k3s has in its configuration. */
export const CONFIG_FLAGS: readonly ConfigFlag[] = [...S3_FLAGS, ...SNAPSHOT_FLAGS, ...OTHER_FLAGS];

/** The other name of a flag of k3s: `etcd-s3-bucket` for `s3-bucket`. */
export function k3sName(flag: ConfigFlag): string | undefined {
  if (S3_FLAGS.includes(flag)) return `etcd-${flag.name}`;
  if (flag.name === "dir") return "etcd-snapshot-dir";
  return SNAPSHOT_FLAGS.includes(flag) ? `etcd-${flag.name}` : undefined;
}

export interface FlagValues {
  readonly tree: Tree;
  readonly notes: readonly string[];
}

/** The configuration that the given flags stand for; `values` by the flags' own names. */
export function treeFromFlags(values: Readonly<Record<string, string>>): FlagValues {
  refuseTwoRetentions(values);
  const used = CONFIG_FLAGS.filter(({ name }) => values[name] !== undefined);
  // `--s3=false` has the last word, whatever else is said of S3.
  const ordered = used.toSorted((one, other) => Number(one.name === "s3") - Number(other.name === "s3"));
  const tree = ordered.reduce<Tree>((sum, flag) => mergeTrees(sum, treeOfFlag(flag, values[flag.name] ?? "")), {});
  const insecure = isOn("s3-insecure", values["s3-insecure"] ?? "false");
  return { tree: withScheme(tree, insecure), notes: used.flatMap(({ note }) => note ?? []) };
}

function treeOfFlag(flag: ConfigFlag, value: string): Tree {
  return flag.value === undefined ? flag.turn(isOn(flag.name, value)) : flag.set(value);
}

// What k3s has as its default; for etcd-ark the absence of an endpoint is AWS, in whichever region.
const AWS_HOST = "s3.amazonaws.com";

/** `--s3-insecure` is not a key: it is the scheme of the endpoint. */
function withScheme(tree: Tree, insecure: boolean): Tree {
  const { s3 } = tree;
  const endpoint = valueAt(tree, ["s3", "endpoint"]);
  if (!isTree(s3) || typeof endpoint !== "string" || endpoint === "") {
    if (insecure) throw insecureError("there is no --s3-endpoint", 'Set s3.endpoint to "http://host:port"');
    return tree;
  }
  if (insecure && /^https:/i.test(endpoint)) throw insecureError("--s3-endpoint says https", "Remove one of the two");
  const url = endpoint.includes("://") ? endpoint : `${insecure ? "http" : "https"}://${endpoint}`;
  return { ...tree, s3: { ...s3, endpoint: endpoint === AWS_HOST && !insecure ? "" : url } };
}

function insecureError(why: string, hint: string): BackupError {
  return new BackupError("USAGE", `Cannot use --s3-insecure: ${why}`, { hint });
}

/** k3s counts in the directory and in S3 apart; here one policy holds for both. */
function refuseTwoRetentions({
  "s3-retention": s3,
  "snapshot-retention": local,
}: Readonly<Record<string, string>>): void {
  if (s3 === undefined || local === undefined || s3 === local) return;
  throw new BackupError("USAGE", `Cannot keep ${s3} snapshots in S3 and ${local} in the directory: retention is one`, {
    hint: "Give --s3-retention and --snapshot-retention the same number, or one of them",
  });
}
