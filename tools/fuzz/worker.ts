import { parentPort, workerData } from "node:worker_threads";
import { originals } from "./originals.ts";
import { tryRecords } from "./records.ts";
import { baselineOf, randomOf, type Trial, tryCase } from "./trial.ts";

/** What the worker is started with. */
export interface WorkerTask {
  readonly seed: number;
  readonly from: number;
  /** The index of the case under way, for whoever looks whether it goes on. */
  readonly index: SharedArrayBuffer;
}

/** What it reports of each case. */
export type Report = Pick<Trial, "kind" | "notice" | "original" | "failures"> & { readonly index: number };

const { seed, from, index }: WorkerTask = workerData;
const current = new Int32Array(index);
const [first, ...others] = await Promise.all(originals().map(baselineOf));
if (first === undefined) throw new Error("there is nothing to damage");
for (let at = from; ; at++) {
  Atomics.store(current, 0, at);
  const random = randomOf(seed, at);
  const { kind, notice, original, failures } = await tryCase([first, ...others], random);
  const report: Report = { index: at, kind, notice, original, failures: [...failures, ...tryRecords(random)] };
  parentPort?.postMessage(report);
}
