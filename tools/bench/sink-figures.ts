import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { tempDir } from "../../test/support/temp-dir.ts";
import { type Cost, measure } from "./measure.ts";
import { arkCommand, etcdctlSave, type Target } from "./programs.ts";
import { type Contestant, ratios, runRounds } from "./rounds.ts";
import { type Sink, startSink } from "./sink-process.ts";
import type { Figure } from "./table.ts";

const MIB = 2 ** 20;
const PEAK_MIB = 150;

export interface SinkBench {
  /** Client URL. */
  readonly etcd: string;
  readonly databaseBytes: number;
  readonly rounds: number;
  readonly slowMs: number;
}

/** `save` into the sink against `etcdctl snapshot save` to disk. */
export async function benchSink({ etcd, databaseBytes, rounds }: SinkBench): Promise<Figure[]> {
  await using directory = await tempDir("etcd-ark-bench-");
  await using sink = await startSink();
  const file = join(directory.path, "snapshot.db");
  const toDisk = await etcdctlSave(etcd, file);
  const disk: Contestant = {
    name: "etcdctl snapshot save",
    run: () => measure(toDisk),
    tidy: () => rm(file),
  };
  const save: Contestant = { name: "save into the sink", run: () => saveInto(sink, etcd) };
  const costs = await runRounds(rounds, [disk, save]);
  const pair = [save.name, disk.name] as const;
  return [
    {
      what: "`save` into the sink, wall, of `etcdctl snapshot save`",
      values: ratios(costs, pair, ({ wallMs }) => wallMs),
      atMost: 1.2,
      unit: "",
      by: "median",
    },
    {
      what: "the same, CPU",
      values: ratios(costs, pair, ({ cpuMs }) => cpuMs),
      atMost: 1.5,
      unit: "",
      by: "median",
    },
    peak("peak RSS of `save` into the sink", costs.get(save.name) ?? [], databaseBytes),
  ];
}

/** `save` into a sink of 1 MiB/s, ended by a signal: its peak. */
export async function benchSlowSink({ etcd, databaseBytes, slowMs }: SinkBench): Promise<Figure[]> {
  await using sink = await startSink(MIB);
  const cost = await measure({ ...arkCommand(["save"], etcd, targetOf(sink)), stopAfterMs: slowMs });
  assert.ok(cost.wallMs >= slowMs, "The save into a slow sink ended by itself");
  return [peak(`the same into 1 MiB/s, after ${slowMs / 1000} s`, [cost], databaseBytes)];
}

/** `save` of a large database: its peak. */
export async function benchPeak({ etcd, databaseBytes }: Pick<SinkBench, "etcd" | "databaseBytes">): Promise<Figure[]> {
  await using sink = await startSink();
  const cost = await saveInto(sink, etcd);
  return [peak(`the same of ${Math.round(databaseBytes / MIB)} MiB`, [cost], databaseBytes)];
}

/** Runs `save`, and holds what it says against what the sink has seen. */
async function saveInto(sink: Sink, etcd: string): Promise<Cost> {
  const cost = await measure(arkCommand(["save", "-o", "json"], etcd, targetOf(sink)));
  const said: { snapshotSize: number; storedSha256: string } = JSON.parse(cost.stdout);
  const seen = sink.reports.at(-1);
  assert.deepEqual([seen?.size, seen?.digestRight], [said.snapshotSize, true], "The sink has got something else");
  return cost;
}

export function targetOf({ endpoint, caFile }: Sink): Target {
  return { endpoint, caFile, bucket: "bench", accessKeyId: "AKBENCH", secretAccessKey: "bench-secret" };
}

/** Above 1 GiB, 0.4 % of the database may come on top (promise 3). */
function peak(what: string, costs: readonly Cost[], databaseBytes: number): Figure {
  const more = Math.max(0, databaseBytes - 1.1 * 2 ** 30) * 0.004;
  return {
    what,
    values: costs.map(({ peakBytes }) => peakBytes / MIB),
    atMost: PEAK_MIB + Math.round(more / MIB),
    unit: " MiB",
    by: "most",
  };
}
