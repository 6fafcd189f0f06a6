import { createPatient, isUnitInstalled, needsHome } from "../../app/doctor.ts";
import type { AppliedEnvFiles } from "../../config/env-files.ts";
import type { Config } from "../../config/schema.ts";
import { checkConfiguration } from "../../doctor/check-configuration.ts";
import { runDoctor } from "../../doctor/run-doctor.ts";
import { failed, notTried } from "../../doctor/steps.ts";
import { BackupError, isBackupError } from "../../errors.ts";
import { type Check, inOrder, summarizeChecks } from "../../model/check.ts";
import { formatTable } from "../format.ts";
import { type CommonOptions, type Loaded, readConfig, readEnvironment, requireStore } from "../open-session.ts";
import { printResult } from "../print-result.ts";
import { coloured, type Terminal } from "../terminal.ts";

/** `doctor [--no-write]`: everything that a backup needs, looked at; fails when something fails. */
export async function doctor(
  options: CommonOptions,
  terminal: Terminal,
  { write }: { readonly write: boolean },
): Promise<void> {
  const checks = inOrder(await examine(options, terminal, write));
  const summary = summarizeChecks(checks);
  const paint = coloured(terminal, terminal.stdout);
  printResult(terminal, { format: options.output, data: { checks, summary }, text: () => table(checks, paint) });
  terminal.stderr.write(`${summary.pass} passed, ${summary.warn} warnings, ${summary.fail} failed\n`);
  if (summary.fail === 0) return;
  throw new BackupError(
    "DOCTOR_FAILED",
    `Cannot call this healthy: ${summary.fail} of ${checks.length} checks failed`,
    { hint: "Each of them says above what to do" },
  );
}

async function examine(options: CommonOptions, terminal: Terminal, write: boolean): Promise<Check[]> {
  const applied = attempt("env file", () => readEnvironment(options, terminal));
  if ("check" in applied) return [applied.check, notTried("configuration", ["everything else"])];
  const { environment } = applied.value;
  const loaded = attempt("file", () => readConfig(options, environment, terminal));
  if ("check" in loaded) return [loaded.check, notTried("configuration", ["everything else"])];
  const { config } = loaded.value;
  const stores = attempt("stores", () => requireStore(config));
  const facts = factsOf(applied.value, loaded.value);
  await using owner = new AsyncDisposableStack();
  const checks = await runDoctor(createPatient({ config, environment, write }, owner), terminal.signal);
  return [...checkConfiguration(facts), ...("check" in stores ? [stores.check] : []), ...checks];
}

/** A value, or the row that says why there is none. */
function attempt<Value>(name: string, read: () => Value): { readonly value: Value } | { readonly check: Check } {
  try {
    return { value: read() };
  } catch (error) {
    if (isBackupError(error)) return { check: failed("configuration", name, error) };
    throw error;
  }
}

function factsOf(
  { homeFile, files, warnings, isService, environment }: AppliedEnvFiles,
  { config, file, detected }: Loaded,
) {
  return {
    ...{ file, detected, homeFile, envFiles: files, envWarnings: warnings },
    home: environment["HOME"],
    needsHome: needsHome(config, environment),
    isBesideService: !isService && isUnitInstalled(),
    stores: storesOf(config),
  };
}

function storesOf({ s3, directory }: Config): string[] {
  return [...(s3.bucket ? [`s3://${s3.bucket}/${s3.folder}`] : []), ...(directory.path ? [directory.path] : [])];
}

const COLOURS = { pass: "32", warn: "33", fail: "31" } as const satisfies Record<Check["outcome"], string>;

/** A row for each check, and below it what to do. */
function table(checks: readonly Check[], paint: boolean): string {
  const rows = checks.map(({ outcome, group, name, detail }) => [
    outcome,
    group === name ? name : `${group} ${name}`,
    detail.replace(/\s+/g, " "),
  ]);
  const [heading = "", ...lines] = formatTable(["OUTCOME", "CHECK", "DETAIL"], rows).trimEnd().split("\n");
  const shown = checks.flatMap((check, index) => [
    coloredLine(lines[index] ?? "", check, paint),
    ...(check.outcome === "pass" ? [] : [`         hint: ${check.hint}`]),
  ]);
  return `${[heading, ...shown].join("\n")}\n`;
}

function coloredLine(line: string, { outcome }: Check, paint: boolean): string {
  return paint ? line.replace(outcome, `\u001b[${COLOURS[outcome]}m${outcome}\u001b[0m`) : line;
}
