import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Etcd3 } from "etcd3";

const VALUE_BYTES = 2 ** 18;
/** Keys that are written again and again: what they held before is compacted away. */
const CHURNED_KEYS = 40;

/** Puts `values` into etcd under keys of their own. */
export async function putValues(endpoint: string, values: Iterable<Buffer | string>): Promise<void> {
  const etcd = new Etcd3({ hosts: endpoint });
  try {
    let index = 0;
    for (const value of values) await etcd.put(`/data/${index++}`).value(value);
  } finally {
    etcd.close();
  }
}

/** A writer at work. Disposal stops it. */
export interface Churn extends AsyncDisposable {
  /** Bytes that etcd has taken so far. */
  readonly bytes: number;
}

/** Overwrites the same keys at `bytesPerSecond`, or as fast as etcd takes it, and has etcd compact every second. */
export function startChurn(endpoint: string, bytesPerSecond: number): Churn {
  const etcd = new Etcd3({ hosts: endpoint });
  const stop = new AbortController();
  const start = process.uptime() * 1000;
  let bytes = 0;
  let compactAt = start + 1000;
  const write = async (): Promise<void> => {
    for (let count = 0; !stop.signal.aborted; count++) {
      const { header } = await etcd.put(`/churn/${count % CHURNED_KEYS}`).value(randomBytes(VALUE_BYTES));
      bytes += VALUE_BYTES;
      const now = process.uptime() * 1000;
      if (now > compactAt) {
        compactAt = now + 1000;
        await etcd.kv.compact({ revision: header.revision });
      }
      await delay(Math.max(0, start + (bytes / bytesPerSecond) * 1000 - now));
    }
  };
  const writing = write();
  writing.catch(() => undefined);
  return {
    get bytes() {
      return bytes;
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await writing;
      etcd.close();
    },
  };
}
