import { spawn } from "node:child_process";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AwsKeys } from "../../test/support/aws.ts";
import { type EtcdCluster, startEtcd } from "../../test/support/etcd.ts";
import { toolPath } from "../../test/support/restore-tools.ts";
import { type Rgw, type RgwUser, startRgw } from "../../test/support/rgw.ts";
import { tempDir } from "../../test/support/temp-dir.ts";

export const LAUNCHER = fileURLToPath(new URL("../../bin/etcd-ark", import.meta.url));

/** The real parts of the demo: etcd, S3, a bucket, a HOME with a credentials file, and a configuration. */
export interface Stage {
  readonly etcd: EtcdCluster;
  readonly rgw: Rgw;
  /** The owner of the bucket, with the key that the daemon starts with. */
  readonly user: RgwUser;
  readonly bucket: string;
  readonly directory: string;
  readonly environment: Record<string, string>;
  readonly configFile: string;
}

export const KEEP_TICKS = 3;

/** Starts the servers and writes the files. Everything is gone when `stack` is disposed of. */
export async function setStage(stack: AsyncDisposableStack, options: { prunes: boolean }): Promise<Stage> {
  const directory = stack.use(await tempDir("etcd-ark-demo-")).path;
  const etcd = stack.use(await startEtcd());
  const rgw = stack.use(await startRgw());
  const user = await rgw.createUser();
  const bucket = await rgw.createBucket({}, user);
  await mkdir(join(directory, ".aws"), { mode: 0o700 });
  const environment = {
    HOME: directory,
    STATE_DIRECTORY: "",
    AWS_EC2_METADATA_DISABLED: "true",
    // etcd's own programs, for the drill.
    PATH: `${await toolPath(directory)}:${process.env["PATH"] ?? ""}`,
    TMPDIR: directory,
  };
  const configFile = join(directory, "config.yaml");
  const stage = { etcd, rgw, user, bucket, directory, environment, configFile };
  await writeCredentials(stage, user);
  await writeFile(configFile, configuration(stage, options.prunes ? KEEP_TICKS : 0));
  return stage;
}

/** Puts a new credentials file in the old one's place, as careful tools do. */
export async function writeCredentials({ directory }: Pick<Stage, "directory">, keys: AwsKeys): Promise<void> {
  const file = join(directory, ".aws", "credentials");
  const lines = [
    "[default]",
    `aws_access_key_id = ${keys.accessKeyId}`,
    `aws_secret_access_key = ${keys.secretAccessKey}`,
  ];
  await writeFile(`${file}.new`, `${lines.join("\n")}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

function configuration({ etcd, rgw, bucket }: Omit<Stage, "configFile">, last: number): string {
  return `cluster: demo
node: demo-1
etcd: { endpoints: [${etcd.endpoints.join(", ")}] }
s3: { bucket: ${bucket}, endpoint: ${rgw.endpoint}, region: ${rgw.region} }
schedule: { cron: "*/3 * * * * *", jitter: 0s }
retention: { last: ${last}, daily: 0, weekly: 0 }
`;
}

/** Runs one command of etcd-ark and gives what it printed; rejects when it fails. */
export async function ark(stage: Stage, ...args: string[]): Promise<string> {
  const child = spawn(LAUNCHER, [...args, "--config", stage.configFile], { env: stage.environment });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (output.stderr += text));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on("close", resolve).on("error", reject);
  const code = await promise;
  if (code === 0) return output.stdout;
  throw new Error(`etcd-ark ${args[0]} ended with exit code ${code}: ${output.stderr.trim()}`);
}
