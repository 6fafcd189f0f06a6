import { randomBytes } from "node:crypto";
import type { EtcdCluster } from "../support/etcd.ts";

const VALUE_BYTES = 2 ** 20;

/** Puts `mebibytes` of what cannot be compressed into etcd, through its JSON gateway: a process for each key takes too long. */
export async function fill(etcd: EtcdCluster, mebibytes: number): Promise<void> {
  for (let index = 0; index < mebibytes; index++) {
    const key = Buffer.from(`/big/${index}`).toString("base64");
    const body = JSON.stringify({ key, value: randomBytes(VALUE_BYTES).toString("base64") });
    const { ok, status } = await fetch(`${etcd.endpoints[0]}/v3/kv/put`, { method: "POST", body });
    if (!ok) throw new Error(`etcd answered ${status} to a put`);
  }
}
