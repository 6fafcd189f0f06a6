import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AwsKeys, type TestBucket, testBucket } from "../support/aws.ts";
import { type Ark, type ArkOptions, type ArkResult, runArk, startArk } from "../support/cli.ts";
import type { EtcdCluster } from "../support/etcd.ts";
import type { Rgw, RgwUser } from "../support/rgw.ts";
import { tempDir } from "../support/temp-dir.ts";

/** A section of a configuration file, or all of it. */
export type Settings = { readonly [key: string]: unknown };

export interface SceneOptions {
  readonly etcd: EtcdCluster;
  readonly rgw: Rgw;
  /** Where etcd-ark finds S3; default: the service itself. */
  readonly s3Endpoint?: string;
  /** Laid over the configuration, section by section. */
  readonly config?: Settings;
}

/** What an operator has set up: a bucket, a HOME with a credentials file, a configuration file. */
export interface Scene extends AsyncDisposable {
  readonly etcd: EtcdCluster;
  readonly rgw: Rgw;
  /** The bucket's owner, whose keys are in the credentials file. */
  readonly user: RgwUser;
  readonly bucket: TestBucket;
  /** Also the working directory. */
  readonly home: string;
  readonly credentialsFile: string;
  readonly configFile: string;
  /** The environment of every command. */
  readonly env: Record<string, string>;
  /** Writes the configuration file anew. */
  configure(config: Settings): Promise<void>;
  /** Runs a command with the configuration file to its end. */
  ark(args: readonly string[], options?: ArkOptions): Promise<ArkResult>;
  start(args: readonly string[], options?: ArkOptions): Ark;
  /** Takes a snapshot that has to succeed, and gives its manifest. */
  save(...args: string[]): Promise<SavedSnapshot>;
  list(): Promise<SavedSnapshot[]>;
  /** Keys in the bucket but for the identity, and unfinished uploads: nothing, unless there is a snapshot. */
  left(): Promise<string[]>;
}

/** What `save` and `list` print with `-o json`. */
export interface SavedSnapshot {
  readonly name: string;
  readonly key: string;
  readonly revision: string;
  readonly clusterId: string;
  readonly linearized: boolean;
  readonly storedAt: string;
  readonly timeline: string;
  readonly kind: string;
  readonly sha256: string;
  readonly snapshotSize: number;
  readonly parts: number;
  readonly stores: readonly string[];
  readonly suspect: readonly string[];
  readonly accepted?: boolean;
}

/** The cluster's name, which is its folder. */
export const CLUSTER = "e2e";

/** Sets the scene with a user and a bucket of its own. */
export async function setScene(options: SceneOptions): Promise<Scene> {
  const { etcd, rgw } = options;
  const directory = await tempDir("etcd-ark-e2e-");
  const home = directory.path;
  const user = await rgw.createUser();
  const bucket = testBucket(await rgw.createBucket({}, user), rgw, user);
  const [credentialsFile, configFile] = [join(home, ".aws", "credentials"), join(home, "config.yaml")];
  const env = { HOME: home, AWS_EC2_METADATA_DISABLED: "true" };
  const configure = async (config: Settings): Promise<void> => {
    await writeFile(configFile, JSON.stringify(merge(baseConfig(options, bucket.name), config)));
  };
  await mkdir(join(home, ".aws"), { mode: 0o700 });
  await writeFile(credentialsFile, credentialsText(user), { mode: 0o600 });
  await configure(options.config ?? {});
  const ark: Scene["ark"] = (args, other) => runArk(withConfig(args, configFile), { cwd: home, env, ...other });
  return {
    ...{ etcd, rgw, user, bucket, home, credentialsFile, configFile, env, configure, ark },
    start: (args, other) => startArk(withConfig(args, configFile), { cwd: home, env, ...other }),
    save: async (...args) => JSON.parse(stdoutOf(await ark(["save", "-o", "json", ...args]))),
    list: async () => JSON.parse(stdoutOf(await ark(["list", "-o", "json"]))),
    left: async () => {
      const uploads = (await bucket.uploads()).map(({ key }) => `unfinished upload of ${key}`);
      return [...(await bucket.keys()).filter((key) => !/\/(cluster\.json|RUNBOOK\.txt)$/.test(key)), ...uploads];
    },
    [Symbol.asyncDispose]: async () => {
      bucket[Symbol.dispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function baseConfig({ etcd, rgw, s3Endpoint = rgw.endpoint }: SceneOptions, bucket: string): Settings {
  return {
    cluster: CLUSTER,
    node: "cp-1",
    etcd: { endpoints: etcd.endpoints },
    s3: { bucket, endpoint: s3Endpoint, region: rgw.region, partSize: "5MiB" },
    schedule: { cron: "0 0 1 1 *", jitter: "0s", catchUp: false },
  };
}

function merge(under: Settings, over: Settings): Settings {
  const sections = Object.entries(over).map(([key, value]) => {
    const below = under[key];
    return [key, isSettings(below) && isSettings(value) ? { ...below, ...value } : value];
  });
  return { ...under, ...Object.fromEntries(sections) };
}

function isSettings(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A configuration that a test names stays. */
function withConfig(args: readonly string[], configFile: string): string[] {
  return args.some((word) => word === "-c" || word.startsWith("--config")) ? [...args] : [...args, "-c", configFile];
}

/** A credentials file with one profile. */
export function credentialsText(keys: AwsKeys, profile = "default"): string {
  const token = keys.sessionToken === undefined ? [] : [`aws_session_token = ${keys.sessionToken}`];
  const pair = [`aws_access_key_id = ${keys.accessKeyId}`, `aws_secret_access_key = ${keys.secretAccessKey}`];
  return `${[`[${profile}]`, ...pair, ...token].join("\n")}\n`;
}

/** What a command printed, which has to have succeeded. */
export function stdoutOf(result: ArkResult): string {
  assert.equal(result.code, 0, `exit code ${result.code}\n${result.stderr}`);
  return result.stdout;
}

/** How a command has to fail. */
export interface Failure {
  readonly exit: number;
  readonly code: string;
  /** What the error line says. */
  readonly says: RegExp;
  /** What the line of the hint says. Without it there must be none, as for what the operator has done himself. */
  readonly hint?: RegExp;
}

/** Waits for an event in the log of a daemon, looking from line `from` on, and gives its fields. */
export async function heard(ark: Ark, event: string, from = 0): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await ark.line(`"event":"${event}"`, { from }));
}

/** A failure as operators want it: an exit code, one line of what and why, a hint of its own line, and no data on stdout. */
export function assertFails(result: ArkResult, { exit, code, says, hint }: Failure): void {
  const linesOf = (start: string) => result.stderr.split("\n").filter((line) => line.startsWith(start));
  const [error = "", ...others] = linesOf("error: ");
  assert.equal(result.code, exit, `exit code ${result.code} instead of ${exit}\n${result.stderr}`);
  assert.deepEqual(others, [], "one error line");
  assert.ok(error.endsWith(` [${code}]`), error);
  assert.match(error, says);
  const hints = linesOf("  hint: ");
  assert.equal(hints.length, hint ? 1 : 0, `${hints.length} hints\n${result.stderr}`);
  if (hint) assert.match(hints.join(), hint);
  assert.equal(result.stdout, "");
}
