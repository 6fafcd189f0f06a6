/**
 * Measures what docs/performance.md promises, on real servers: `npm run bench`, with `-- --quick` to see in a minute that
 * it works. Exits 1 when a figure is missed; of a quick run no figure means anything.
 */
import { stat } from "node:fs/promises";
import { parseArgs } from "node:util";
import { databaseFile, fillKeysOnce, fillOnce, startDatabase } from "./database.ts";
import { benchFetch } from "./fetch-figures.ts";
import { benchRestore, benchVerify } from "./file-figures.ts";
import { benchIdle } from "./idle-figures.ts";
import { benchRgw } from "./rgw-figures.ts";
import { benchPeak, benchSink, benchSlowSink } from "./sink-figures.ts";
import { type Figure, formatTable, holds } from "./table.ts";

const MIB = 2 ** 20;
const PARTS = ["sink", "slow", "rgw", "fetch", "verify", "restore", "idle", "large"] as const;
const MANY_KEYS = 1_000_000;
const QUICK_KEYS = 10_000;
/** How many times the size of the others the large database has. */
const LARGE = 4;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    /** Of the database. */
    mib: { type: "string" },
    rounds: { type: "string" },
    /** Some of the parts, separated by commas. */
    only: { type: "string", default: PARTS.join(",") },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 2 : 7));
const idleMs = values.quick ? 5_000 : 60_000;
const bytes = Number(values.mib ?? (values.quick ? 64 : 1024)) * MIB;
const only = values.only.split(",");

const databaseBytes = await sizeOf(bytes);
const figures = [...(await benchDatabase()), ...(only.includes("large") ? await benchLargeDatabase() : [])];
console.log(
  `\nDatabase of ${Math.round(databaseBytes / MIB)} MiB, ${rounds} interleaved rounds, Node ${process.version}\n`,
);
console.log(formatTable(figures));
if (!values.quick && !figures.every(holds)) process.exitCode = 1;

async function benchDatabase(): Promise<Figure[]> {
  if (only.every((part) => part === "large")) return [];
  await using database = await startDatabase(bytes);
  const options = { etcd: database.endpoint, databaseBytes, rounds, slowMs: idleMs };
  const file = databaseFile(bytes);
  const manyKeys = values.quick ? QUICK_KEYS : MANY_KEYS;
  return [
    ...(only.includes("sink") ? await benchSink(options) : []),
    ...(only.includes("slow") ? await benchSlowSink(options) : []),
    ...(only.includes("rgw") ? await benchRgw(options) : []),
    ...(only.includes("fetch") ? await benchFetch(options) : []),
    ...(only.includes("verify")
      ? await benchVerify({ file, bytes: databaseBytes, manyKeysFile: await fillKeysOnce(manyKeys), rounds })
      : []),
    ...(only.includes("restore") ? await benchRestore({ file, rounds }) : []),
    ...(only.includes("idle") ? await benchIdle({ etcd: database.endpoint, idleMs }) : []),
  ];
}

/** Promise 3: what a database four times as large takes. */
async function benchLargeDatabase(): Promise<Figure[]> {
  await using database = await startDatabase(bytes * LARGE);
  return await benchPeak({ etcd: database.endpoint, databaseBytes: await sizeOf(bytes * LARGE) });
}

/** Of the file that is kept in the cache, which is filled if need be. */
async function sizeOf(wanted: number): Promise<number> {
  await fillOnce(wanted);
  return (await stat(databaseFile(wanted))).size;
}
