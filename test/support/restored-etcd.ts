import { join } from "node:path";
import { etcdPrograms } from "./etcd-programs.ts";
import { eventually } from "./eventually.ts";
import { execute } from "./execute.ts";
import { reservePort } from "./ports.ts";
import { startServer } from "./supervisor.ts";
import { tempDir } from "./temp-dir.ts";

export interface RestoredEtcd extends AsyncDisposable {
  readonly endpoint: string;
  etcdctl(...args: readonly string[]): Promise<string>;
}

export interface SnapshotStatus {
  readonly hash: number;
  readonly revision: number;
  readonly totalKey: number;
  readonly totalSize: number;
}

/** What the stock tool says of a snapshot file. */
export async function snapshotStatus(file: string, version: "3.4" | "3.5" = "3.5"): Promise<SnapshotStatus> {
  const { etcdutl } = await etcdPrograms(version);
  return JSON.parse(await execute(etcdutl("snapshot", "status", file, "--write-out=json"), { ETCDCTL_API: "3" }));
}

/** Restores a snapshot file with the stock tool, given more flags if any, and starts a stock etcd on it. */
export async function startRestored(
  file: string,
  version: "3.4" | "3.5" = "3.5",
  restoreArgs: readonly string[] = [],
): Promise<RestoredEtcd> {
  const programs = await etcdPrograms(version);
  const directory = await tempDir("etcd-ark-restored-");
  const dataDir = join(directory.path, "data");
  const [client, peer] = [`http://127.0.0.1:${await reservePort()}`, `http://127.0.0.1:${await reservePort()}`];
  const cluster = [
    "--name=m1",
    `--initial-cluster=m1=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--data-dir=${dataDir}`,
  ];
  await execute(programs.etcdutl("snapshot", "restore", file, ...cluster, ...restoreArgs), { ETCDCTL_API: "3" });
  const listen = [`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`, `--listen-peer-urls=${peer}`];
  const log = join(directory.path, "etcd.log");
  const server = await startServer({
    argv: programs.etcd(...cluster, ...listen, "--logger=zap"),
    cwd: directory.path,
    log,
  });
  const etcdctl = (...args: readonly string[]): Promise<string> =>
    execute(programs.etcdctl(...args), { ETCDCTL_API: "3", ETCDCTL_ENDPOINTS: client });
  await eventually(() => etcdctl("endpoint", "health").then(Boolean, () => false), { timeoutMs: 60_000 });
  return {
    endpoint: client,
    etcdctl,
    [Symbol.asyncDispose]: async () => {
      await server.end("SIGKILL");
      await directory[Symbol.asyncDispose]();
    },
  };
}
