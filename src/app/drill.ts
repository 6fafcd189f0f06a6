import { Config, type EtcdConfig } from "../config/schema.ts";
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
  /** The users of the cluster that was backed up are those of the restored one. */
  readonly auth: EtcdConfig["auth"];
}

/** Wires what a drill needs: from stores and programs alone, whatever etcd is configured. */
export function createDrillContext({ verify, directory, auth, ...tools }: DrillWiring): DrillContext {
  return {
    restore: createRestoreContext(tools),
    verify,
    findServer: createFindEtcdServer(tools),
    openEtcd: (endpoint) => {
      const { etcd } = Config.parse({ etcd: { endpoints: [endpoint], auth } });
      return createSnapshotSource({ config: etcd, clock: verify.clock });
    },
    directory,
    freePort,
  };
}
