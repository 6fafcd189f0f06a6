/**
 * Damages files at random and has them read: `npm run fuzz [-- OPTION…]`.
 *   --seconds N   for so long (default 60)
 *   --seed S      the same cases again (default: another one each time)
 *   --case I      only case I of the seed: leaves the file in fuzz-<seed>-<I>.db and says what becomes of it
 * Whatever throws an error that is no BackupError, takes 5 s, or reads far more than the file is a failure, and its file is
 * left behind.
 */
import { randomInt } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { systemClock } from "../../src/app/system-clock.ts";
import { originals } from "./originals.ts";
import { Tally } from "./tally.ts";
import { baselineOf, makeCase, randomOf, tryCase } from "./trial.ts";
import type { Report, WorkerTask } from "./worker.ts";

const STALL_MS = 5000;
const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(randomInt(2 ** 31)) },
    case: { type: "string" },
  },
});
const seed = Number(values.seed);
const tally = new Tally();
let peakBytes = 0;
if (values.case === undefined) await runFor(Number(values.seconds) * 1000);
else await show(Number(values.case));
process.exitCode = tally.failures === 0 ? 0 : 1;

async function runFor(ms: number): Promise<void> {
  console.log(`seed ${seed}`);
  const end = systemClock.monotonic() + ms;
  for (let from = 0; systemClock.monotonic() < end; ) from = await runWorker(from, end);
  console.log(tally.report());
  console.log(`largest memory of the process: ${Math.round(peakBytes / 2 ** 20)} MiB`);
}

/** Runs cases until `end`, or until one hangs; returns the index of the one behind. */
async function runWorker(from: number, end: number): Promise<number> {
  const index = new SharedArrayBuffer(4);
  const current = new Int32Array(index);
  const task: WorkerTask = { seed, from, index };
  const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData: task });
  const reports: Report[] = [];
  worker.on("message", (report: Report) => reports.push(report));
  worker.on("error", (error) => reports.push(crash(Atomics.load(current, 0), String(error))));
  let since = systemClock.monotonic();
  let last = from;
  while (systemClock.monotonic() < end && systemClock.monotonic() - since < STALL_MS) {
    await delay(100);
    peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
    for (const report of reports.splice(0)) await take(report);
    const at = Atomics.load(current, 0);
    if (at !== last) since = systemClock.monotonic();
    last = at;
  }
  await worker.terminate();
  if (systemClock.monotonic() - since >= STALL_MS) await take(crash(last, `takes longer than ${STALL_MS} ms`));
  return last + 1;
}

function crash(index: number, failure: string): Report {
  return { index, kind: "crash or stall", notice: "finding", original: "", failures: [failure] };
}

async function take({ index, failures, ...report }: Report): Promise<void> {
  tally.add({ ...report, failures });
  if (failures.length === 0) return;
  const [first, ...others] = originals();
  const path = `fuzz-${seed}-${index}.db`;
  if (first) await writeFile(path, makeCase([first, ...others], randomOf(seed, index)).bytes);
  console.log(`${path} (${report.kind} of ${report.original}):\n  ${failures.join("\n  ")}`);
}

async function show(index: number): Promise<void> {
  const [first, ...others] = await Promise.all(originals().map(baselineOf));
  if (first === undefined) return;
  const trial = await tryCase([first, ...others], randomOf(seed, index));
  const path = `fuzz-${seed}-${index}.db`;
  await writeFile(path, trial.bytes);
  tally.add(trial);
  console.log(`${path}: ${trial.kind} of ${trial.original}, noticed by: ${trial.notice}`, ...trial.failures);
}
