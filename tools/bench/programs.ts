import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { etcdPrograms } from "../../test/support/etcd-programs.ts";
import type { Rgw } from "../../test/support/rgw.ts";
import type { Command } from "./measure.ts";

export const LAUNCHER = fileURLToPath(new URL("../../bin/etcd-ark", import.meta.url));

/** A bucket, and who may write to it. */
export interface Target {
  readonly endpoint: string;
  readonly caFile: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Default: one of its own for each run, so that none has more to list than the first. */
  readonly cluster?: string;
}

/** A bucket of Ceph RGW, over https. */
export function rgwTarget({ tlsEndpoint, caFile, accessKeyId, secretAccessKey }: Rgw, bucket: string): Target {
  return { endpoint: tlsEndpoint, caFile, bucket, accessKeyId, secretAccessKey };
}

/** One command of etcd-ark against one etcd and one bucket. */
export function arkCommand(words: readonly string[], etcd: string, target: Target): Command {
  const { endpoint, caFile, bucket } = target;
  const flags = {
    endpoints: etcd,
    "s3-bucket": bucket,
    "s3-endpoint": endpoint,
    "s3-endpoint-ca": caFile,
    cluster: target.cluster ?? `bench-${randomBytes(4).toString("hex")}`,
    "node-name": "bench",
  };
  return {
    argv: [LAUNCHER, ...words, ...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)],
    env: { ...awsEnvironment(target), HOME: "/nonexistent" },
  };
}

export function awsEnvironment({ accessKeyId, secretAccessKey }: Target): Record<string, string> {
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}

/** `etcdctl snapshot save` into a file. */
export async function etcdctlSave(etcd: string, file: string): Promise<Command> {
  const { etcdctl } = await etcdPrograms("3.5");
  return { argv: etcdctl(`--endpoints=${etcd}`, "snapshot", "save", file), env: { ETCDCTL_API: "3" } };
}
