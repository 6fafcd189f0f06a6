import { setTimeout as delay } from "node:timers/promises";
import { type Ark, startArk } from "../../test/support/cli.ts";
import { cpuMsOf, memoryOf } from "./measure.ts";
import { arkCommand } from "./programs.ts";
import { targetOf } from "./sink-figures.ts";
import { startSink } from "./sink-process.ts";
import type { Figure } from "./table.ts";

const MIB = 2 ** 20;
/** The next backup is far away. */
const YEARLY = { ETCD_ARK_SCHEDULE_CRON: "0 0 1 1 *", ETCD_ARK_SCHEDULE_CATCH_UP: "false" };
const SETTLE_MS = 10_000;

/** The daemon with nothing to do: before its first backup, and after one. */
export async function benchIdle({ etcd, idleMs }: { etcd: string; idleMs: number }): Promise<Figure[]> {
  await using sink = await startSink();
  const start = (onStart: boolean): Ark => {
    const { argv, env } = arkCommand(["run", "--log-format=json"], etcd, targetOf(sink));
    return startArk(argv.slice(1), {
      program: argv.slice(0, 1),
      env: { ...env, ...YEARLY, ETCD_ARK_SCHEDULE_ON_START: String(onStart) },
    });
  };
  await using fresh = start(false);
  await using used = start(true);
  await used.line('"backup.finished"', { timeoutMs: 300_000 });
  await fresh.line('"schedule.next"');
  await delay(SETTLE_MS);
  const daemons = [fresh, used];
  const before = await Promise.all(daemons.map(({ pid }) => cpuMsOf(pid)));
  await delay(idleMs);
  const after = await Promise.all(daemons.map(({ pid }) => cpuMsOf(pid)));
  const [freshRss = 0, usedRss = 0] = await Promise.all(daemons.map(({ pid }) => memoryOf(pid, "VmRSS")));
  const shares = after.map((cpu, index) => ((cpu - (before[index] ?? 0)) / idleMs) * 100);
  const rss = { atMost: 100, unit: " MiB", by: "most" } as const;
  return [
    { what: "RSS of an idle daemon, before its first backup", values: [freshRss / MIB], ...rss },
    { what: "the same, after a backup", values: [usedRss / MIB], ...rss },
    { what: `CPU of an idle daemon over ${idleMs / 1000} s`, values: shares, atMost: 0.5, unit: " %", by: "most" },
  ];
}
