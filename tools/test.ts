/**
 * Runs the tests: `npm test [-- OPTION… TIER|FILE|DIRECTORY…]`. A tier is a directory of test/, such as `unit`.
 *   --name PATTERN    only tests whose name matches
 *   --concurrency N   so many files at a time (default 2)
 *   --coverage        reports the coverage of src/
 * What the tests need is downloaded, built and started first. A skipped test fails the run.
 */
import "./guard.mjs";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import { cacheDirectory, installPrefix, proxyVariable } from "../test/support/debian.ts";
import { etcdPrefixes, sharedEtcdVariable, startEtcd } from "../test/support/etcd.ts";
import { ownService, ownServiceVariable, sharedRgwVariable } from "../test/support/rgw.ts";
import { rgwPrefixes, startRgwCluster } from "../test/support/rgw-cluster.ts";
import { tempDir } from "../test/support/temp-dir.ts";

const root = resolve(import.meta.dirname, "..");
const tiers = ["unit", "contract", "integration", "e2e"];
/** Far beyond what any test takes, so that it only ends what hangs. */
const testTimeoutMs = 10 * 60_000;
/** What of the caller's environment the tests may see. */
const kept = /^(PATH|TERM|COLORTERM|NO_COLOR|FORCE_COLOR|CI|LANG|TMPDIR|NODE_V8_COVERAGE|ETCD_ARK_TEST_\w+)$/;

/** What servers of one's own cannot be tested with, by the variable that names them: a file, or tests by their names. */
const beyondOwn: Readonly<Record<string, readonly (readonly [string | RegExp, string])[]>> = {
  ETCD_ARK_TEST_ETCD_BIN: [
    ["test/integration/rig-prefix.test.ts", "is about Debian's packages"],
    [/snapshot of etcd 3\.4|startEtcd\(\) of 3\.4/, "needs etcd 3.4"],
    [/a snapshot of 3\.4 with etcdctl|a tool that cannot with|newer than the tool with/, "needs etcdctl 3.4"],
    [/with a mere etcdctl of 3\.5/, "needs an etcdctl that restores"],
    [/runs programs of one's own/, "brings programs itself"],
  ],
  ETCD_ARK_TEST_S3_ENDPOINT: [
    ["test/e2e/demo.test.ts", "revokes a key"],
    ["test/e2e/rotation.test.ts", "revokes keys"],
    ["test/integration/credentials-rgw.test.ts", "revokes keys, and makes a role"],
    ["test/integration/rig-cleanup.test.ts", "is about the services that the tests start"],
    ["test/integration/rig-s3.test.ts", "is about the services that the tests start"],
    ["test/integration/s3-rotation.test.ts", "revokes keys"],
    [/RGW of bookworm/, "would test the same service twice"],
    [/a bucket of somebody else|action that is missing when access is denied/, "needs a second user"],
    [/with an expired session token is/, "needs a role"],
    [/encrypts with a KMS key/, "needs the id of a KMS key"],
    [/an unknown authority is 13|authority than the certificate's is 13|names the CA when/, "needs https beside http"],
    [/HTTPS_PROXY is for S3 alone/, "needs https beside http"],
  ],
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: "string" },
    concurrency: { type: "string", default: "2" },
    coverage: { type: "boolean", default: false },
    /** Of the unit tests, the other half of which another process runs. */
    half: { type: "boolean", default: false },
  },
});
/** For fewer, a second process takes longer to start than it saves. */
const SHARED_FILES = 20;
let anyRan = false;
const namesLeftOut: RegExp[] = [];
process.exitCode = await main().catch((error) => refuse(error instanceof Error ? error.message : String(error)));

async function main(): Promise<number> {
  process.chdir(root);
  const files = leaveOut((positionals.length > 0 ? positionals : tiers).flatMap(select));
  if (files.length === 0) return refuse("there is no test file");
  await using resources = new AsyncDisposableStack();
  const home = resources.use(await tempDir());
  isolate(home.path);
  const { unit = [], others = [] } = Object.groupBy(files, (file) =>
    file.startsWith("test/unit/") ? "unit" : "others",
  );
  const unitCode = await runUnit(unit);
  if (others.length > 0) await prepare(resources);
  const execArgv = [`--test-timeout=${testTimeoutMs}`];
  const code = unitCode || (await runFiles(others, { concurrency: Number(values.concurrency), execArgv }));
  return anyRan ? code : refuse("no test ran");
}

/**
 * Unit tests share two processes: starting one for each file would take longer than all of them. Coverage is counted in one.
 */
async function runUnit(files: string[]): Promise<number> {
  const [half = [], others = []] = [0, 1].map((parity) => files.filter((_, index) => index % 2 === parity));
  if (values.coverage || values.half || others.length < SHARED_FILES) {
    return await runFiles(files, { isolation: "none", timeout: testTimeoutMs });
  }
  const name = values.name === undefined ? [] : ["--name", values.name];
  const child = spawn(process.execPath, [import.meta.filename, ...name, ...others, "--half"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [code, output, [childCode]] = await Promise.all([
    runFiles(half, { isolation: "none", timeout: testTimeoutMs }),
    text(child.stdout),
    once(child, "close"),
  ]);
  process.stdout.write(output);
  return code || Number(childCode ?? 1);
}

/** The test files that an argument names. */
function select(argument: string): string[] {
  const path = tiers.includes(argument) ? `test/${argument}` : relative(root, resolve(root, argument));
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory();
  if (isDirectory === undefined) throw new Error(`there is no tier, file or directory "${argument}"`);
  return isDirectory ? globSync(`${path}/**/*.test.ts`).sort() : [path];
}

/** Without the files that servers of one's own cannot be tested with; says them, and the tests that `run` leaves out. */
function leaveOut(files: string[]): string[] {
  const left = new Set<string>();
  for (const [variable, entries] of Object.entries(beyondOwn)) {
    if (!process.env[variable]) continue;
    console.log(`Left out, since ${variable} is set:`);
    for (const [what, why] of entries) {
      console.log(`  ${typeof what === "string" ? what : `tests named ${what}`}: ${why}`);
      if (typeof what === "string") left.add(what);
      else namesLeftOut.push(what);
    }
  }
  return files.filter((file) => !left.has(file));
}

/**
 * Leaves nothing of the caller's in the environment, above all no credentials. What names a cache, a proxy for apt or
 * a service of one's own goes on under a name that only the rig reads.
 */
function isolate(home: string): void {
  const { env } = process;
  const proxies = Object.entries(env).filter(([name]) => /^(https?|ftp|all|no)_proxy$/i.test(name));
  const own = ownService();
  env["ETCD_ARK_TEST_CACHE"] = cacheDirectory();
  env[proxyVariable] = JSON.stringify(Object.fromEntries(proxies));
  if (own) env[ownServiceVariable] = JSON.stringify({ ...own, oneForAll: true });
  for (const name of Object.keys(env)) if (!kept.test(name)) delete env[name];
  env["HOME"] = home;
  env["AWS_EC2_METADATA_DISABLED"] = "true";
}

/** Downloads, builds and starts what tests share, so that none of it counts against a test's time. */
async function prepare(resources: AsyncDisposableStack): Promise<void> {
  const { env } = process;
  execFileSync(process.execPath, ["tools/build.ts"], { stdio: ["ignore", "ignore", "inherit"] });
  if (!env["ETCD_ARK_TEST_ETCD_BIN"]) for (const prefix of Object.values(etcdPrefixes)) await installPrefix(prefix);
  const etcd = resources.use(await startEtcd());
  env[sharedEtcdVariable] = etcd.endpoints[0] ?? "";
  if (env[ownServiceVariable]) return;
  for (const prefix of Object.values(rgwPrefixes)) await installPrefix(prefix);
  const rgw = resources.use(await startRgwCluster("trixie"));
  env[sharedRgwVariable] = JSON.stringify(rgw.access);
}

async function runFiles(files: string[], options: Parameters<typeof run>[0]): Promise<number> {
  if (files.length === 0) return 0;
  const stream = run({
    ...options,
    files,
    coverage: values.coverage,
    coverageIncludeGlobs: ["src/**"],
    // Unlike a skipped test, one that is passed over by its name is not reported at all.
    ...(namesLeftOut.length > 0 && { testSkipPatterns: namesLeftOut }),
    ...(values.name !== undefined && { testNamePatterns: [new RegExp(values.name)] }),
  });
  const empty = new Set(files);
  const passedOver: string[] = [];
  let succeeded = false;
  for (const event of ["test:pass", "test:fail"] as const) {
    stream.on(event, ({ name, file = "", details, skip, todo }) => {
      const path = relative(root, file);
      // A file that ends without a test of its own is reported as one under its own name.
      if (details.type === "test" && resolve(root, name) !== file) empty.delete(path);
      if (skip !== undefined || todo !== undefined) passedOver.push(`${name} (${path})`);
    });
  }
  stream.on("test:summary", ({ file, success }) => {
    if (file === undefined) succeeded = success;
  });
  const report = stream.compose(spec);
  report.pipe(process.stdout);
  await once(report, "end");
  if (passedOver.length > 0) return refuse(`skipped or to do:\n  ${passedOver.join("\n  ")}`);
  anyRan ||= empty.size < files.length;
  if (empty.size > 0 && values.name === undefined) return refuse(`no test in ${[...empty].join(", ")}`);
  return succeeded ? 0 : 1;
}

function refuse(reason: string): number {
  console.error(`The tests fail: ${reason}`);
  return 1;
}
