/**
 * Breaks the program on purpose, one handling at a time, and demands that the tests notice:
 * `npm run mutants [-- OPTION… ID|AREA…]`. An area is a file of list/, such as `etcd`; none = all.
 *   --all        all of them, as without any word
 *   --sample N   only so many of them, drawn by the commit
 *   --list       shows them, and runs nothing
 * Exits with 1 unless every one is killed. How to add one: docs/mutants.md.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { mapLimit } from "../../src/async/map-limit.ts";
import { mutants as all } from "./list/all.ts";
import { type Mutant, needsServers, type TestName } from "./mutant.ts";
import type { TestOutcome } from "./reporter.ts";
import { runTests } from "./run-tests.ts";
import { Scratch } from "./scratch.ts";
import { sample, selectNamed } from "./select.ts";
import { startSharedServers, testEnvironment } from "./servers.ts";
import { judgeBaseline, judgeMutant, objections, type Verdict } from "./verdict.ts";

const root = resolve(import.meta.dirname, "../..");
const AT_ONCE = 2;
/** A mutant may well hang; its tests take seconds otherwise. */
const UNIT_MS = 20_000;
const SERVER_MS = 120_000;

process.exitCode = await main().catch((error) => refuse(error instanceof Error ? error.message : String(error)));

async function main(): Promise<number> {
  const wrong = objections(all, readIfAny);
  if (wrong.length > 0) return refuse(`the list of mutants is not true any more\n  ${wrong.join("\n  ")}`);
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      all: { type: "boolean", default: false },
      sample: { type: "string" },
      list: { type: "boolean", default: false },
    },
  });
  const chosen = choose(values.all ? [] : positionals, values.sample);
  if (values.list) {
    for (const { id, row, tests } of chosen) console.log(`${id}\t${row}\t${tests.map(describeTest).join("; ")}`);
    return 0;
  }
  const verdicts = await hunt(chosen);
  const survived = verdicts.filter(({ state }) => state === "SURVIVED").length;
  const killed = verdicts.filter(({ state }) => state === "killed").length;
  const broken = verdicts.length - killed - survived;
  const remark = broken > 0 ? `, ${broken} without a verdict` : "";
  console.log(`${verdicts.length} mutants, ${killed} killed, ${survived} survived${remark}`);
  return killed === verdicts.length ? 0 : 1;
}

function choose(words: readonly string[], sampleSize: string | undefined): readonly Mutant[] {
  const named = selectNamed(all, words);
  if (sampleSize === undefined) return named;
  const size = Number(sampleSize);
  if (!Number.isInteger(size) || size < 1) throw new Error(`--sample "${sampleSize}" is no whole number above 0`);
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  console.log(`A sample of ${Math.min(size, named.length)} of ${named.length}, drawn by commit ${commit}`);
  return sample(named, size, commit);
}

/** A checkout to break, and the servers that its tests talk to. */
interface Rig {
  readonly scratch: Scratch;
  readonly environment: NodeJS.ProcessEnv;
}

async function hunt(chosen: readonly Mutant[]): Promise<Verdict[]> {
  await using resources = new AsyncDisposableStack();
  const needServers = chosen.some(({ tests }) => tests.some(needsServers));
  const environment = {
    ...(await testEnvironment(resources)),
    ...(needServers ? await startSharedServers(resources) : {}),
  };
  const rigs: Rig[] = [];
  for (let count = 0; count < AT_ONCE; count++) {
    const scratch = resources.use(await Scratch.of(root));
    if (needServers) await scratch.build();
    rigs.push({ scratch, environment });
  }
  const baselines = await runBaselines(rigs, chosen);
  return await mapLimit(chosen, AT_ONCE, async (mutant) => {
    const verdict = await withRig(rigs, (rig) => judge(rig, mutant, baselines));
    console.log(`${verdict.state}	${mutant.id}	${mutant.row}${"test" in verdict ? detail(verdict) : ""}`);
    return verdict;
  });
}

function detail({ test }: { readonly test: TestName }): string {
  return `: ${describeTest(test)}`;
}

/** How the tests of each file end in the checkout as it is: a test that fails anyway proves nothing. */
async function runBaselines(rigs: Rig[], chosen: readonly Mutant[]): Promise<Map<string, TestOutcome[]>> {
  const byFile = Map.groupBy(
    chosen.flatMap(({ tests }) => tests),
    ({ file }) => file,
  );
  const entries = await mapLimit([...byFile.entries()], AT_ONCE, async ([file, tests]) => {
    const names = [...new Set(tests.map(({ name }) => name))];
    return [file, await withRig(rigs, (rig) => runIn(rig, file, names))] as const;
  });
  return new Map(entries);
}

async function judge(rig: Rig, mutant: Mutant, baselines: ReadonlyMap<string, TestOutcome[]>): Promise<Verdict> {
  for (const test of mutant.tests) {
    const objection = judgeBaseline(test, baselines.get(test.file) ?? []);
    if (objection) return objection;
  }
  await using _broken = await rig.scratch.mutate(mutant);
  if (mutant.tests.some(needsServers)) await rig.scratch.build();
  for (const test of mutant.tests) {
    const verdict = judgeMutant(test, await runIn(rig, test.file, [test.name]));
    if (verdict.state !== "killed") return verdict;
  }
  return { state: "killed" };
}

async function runIn({ scratch, environment }: Rig, file: string, names: readonly string[]): Promise<TestOutcome[]> {
  const timeoutMs = needsServers({ file, name: "" }) ? SERVER_MS : UNIT_MS;
  return await runTests({ directory: scratch.path, file, names, environment, timeoutMs });
}

/** As many are at work at once as there are rigs, so one is always free. */
async function withRig<Value>(rigs: Rig[], work: (rig: Rig) => Promise<Value>): Promise<Value> {
  const rig = rigs.pop();
  if (!rig) throw new Error("every rig is in use");
  try {
    return await work(rig);
  } finally {
    rigs.push(rig);
  }
}

function describeTest({ file, name }: TestName): string {
  return `${file} "${name}"`;
}

function readIfAny(file: string): string | undefined {
  try {
    return readFileSync(join(root, file), "utf8");
  } catch {
    return undefined;
  }
}

function refuse(reason: string): number {
  console.error(`Mutants: ${reason}`);
  return 1;
}
