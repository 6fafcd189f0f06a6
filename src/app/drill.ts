import { Config } from "../config/schema.ts";
import { createSnapshotSource } from "../etcd/snapshot-source.ts";
import { createFindEtcdServer, freePort } from "../programs/etcd-server.ts";
import type { EtcdToolsOptions } from "../programs/etcd-tools.ts";
import type { DrillContext } from "../restore/drill.ts";
import type { VerifyContext } from "../verify/context.ts";
import { createRestoreContext } from "./restore.ts";

export interface DrillWiring extends EtcdToolsOptions {
  readonly verify: VerifyContext;
  /** A directory to work in. */
  readonly directory: string;
}

/** Wires what a drill needs: from stores and programs alone, whatever etcd is configured. */
export function createDrillContext({ verify, directory, ...tools }: DrillWiring): DrillContext {
  return {
    restore: createRestoreContext(tools),
    verify,
    findServer: createFindEtcdServer(tools),
    openEtcd: (endpoint) => {
      const { etcd } = Config.parse({ etcd: { endpoints: [endpoint] } });
      return createSnapshotSource({ config: etcd, clock: verify.clock });
    },
    directory,
    freePort,
  };
}
