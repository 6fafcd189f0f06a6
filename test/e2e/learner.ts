import { join } from "node:path";
import type { EtcdCluster } from "../support/etcd.ts";
import { etcdPrograms } from "../support/etcd-programs.ts";
import { eventually } from "../support/eventually.ts";
import { reservePort } from "../support/ports.ts";
import { startServer } from "../support/supervisor.ts";
import { tempDir } from "../support/temp-dir.ts";

/** Adds a learner to a cluster of one plain member. */
export async function startLearner(cluster: EtcdCluster): Promise<AsyncDisposable & { readonly endpoint: string }> {
  const directory = await tempDir("etcd-ark-learner-");
  const [client, peer] = [`http://127.0.0.1:${await reservePort()}`, `http://127.0.0.1:${await reservePort()}`];
  const added = await cluster.etcdctl("member", "add", "m2", "--learner", `--peer-urls=${peer}`);
  const flags = {
    "--name": "m2",
    "--data-dir": join(directory.path, "m2"),
    "--listen-client-urls": client,
    "--advertise-client-urls": client,
    "--listen-peer-urls": peer,
    "--initial-advertise-peer-urls": peer,
    "--initial-cluster": /ETCD_INITIAL_CLUSTER="([^"]+)"/.exec(added)?.[1] ?? "",
    "--initial-cluster-state": "existing",
  };
  const { etcd } = await etcdPrograms("3.5");
  const argv = etcd(...Object.entries(flags).map(([flag, value]) => `${flag}=${value}`));
  const server = await startServer({ argv, cwd: directory.path, log: join(directory.path, "m2.log") });
  await eventually(async () => {
    const status = await cluster.etcdctl("endpoint", "status", `--endpoints=${client}`, "--write-out=json");
    return JSON.parse(status)[0].Status.isLearner;
  });
  return {
    endpoint: client,
    [Symbol.asyncDispose]: async () => {
      await server.end("SIGKILL");
      await directory[Symbol.asyncDispose]();
    },
  };
}
