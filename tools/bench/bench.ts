/**
 * Measures what docs/performance.md promises, on real servers: `npm run bench`, with `-- --quick` to see in a minute that
 * it works. Exits 1 when a figure is missed; of a quick run no figure means anything.
 */
import { stat } from "node:fs/promises";
import { parseArgs } from "node:util";
import { databaseFile, startDatabase } from "./database.ts";
import { benchIdle } from "./idle-figures.ts";
import { benchRgw } from "./rgw-figures.ts";
import { benchSink, benchSlowSink } from "./sink-figures.ts";
import { formatTable, holds } from "./table.ts";

const MIB = 2 ** 20;
const PARTS = ["sink", "slow", "rgw", "idle"] as const;

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

await using database = await startDatabase(bytes);
const etcd = database.endpoint;
const databaseBytes = (await stat(databaseFile(bytes))).size;
const options = { etcd, databaseBytes, rounds, slowMs: idleMs };
const figures = [
  ...(only.includes("sink") ? await benchSink(options) : []),
  ...(only.includes("slow") ? await benchSlowSink(options) : []),
  ...(only.includes("rgw") ? await benchRgw(options) : []),
  ...(only.includes("idle") ? await benchIdle({ etcd, idleMs }) : []),
];
console.log(
  `\nDatabase of ${Math.round(databaseBytes / MIB)} MiB, ${rounds} interleaved rounds, Node ${process.version}\n`,
);
console.log(formatTable(figures));
if (!values.quick && !figures.every(holds)) process.exitCode = 1;
