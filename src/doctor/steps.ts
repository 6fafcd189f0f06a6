import { withDeadline } from "../async/deadline.ts";
import { BackupError, isBackupError } from "../errors.ts";
import { type Check, type CheckGroup, type Finding, fail, warn } from "../model/check.ts";
import type { Clock } from "../ports/clock.ts";

/** One thing to look at. */
export interface Step {
  readonly name: string;
  /** Names of steps that must not have failed: without them this one would only fail for the same reason. */
  readonly needs?: readonly string[];
  /** Something that backups can do without: that it is refused is worth a warning. */
  readonly isOptional?: boolean;
  readonly run: (signal: AbortSignal) => Promise<Finding>;
}

export interface StepsOptions {
  readonly group: CheckGroup;
  readonly clock: Clock;
  /** How long each step may take. */
  readonly boundMs: number;
  /** What is known of the cause when a step takes longer. */
  readonly trouble?: () => BackupError | undefined;
}

/**
 * Makes the steps one after the other. What fails is a finding like any other, and those that need it are told in one
 * row, so that one cause gives one failure. Once somebody does not answer, the rest is not tried. Rejects only with
 * `signal.reason`, or with what is no `BackupError`.
 */
export async function runSteps(steps: readonly Step[], options: StepsOptions, signal: AbortSignal): Promise<Check[]> {
  const checks: Check[] = [];
  const left: string[] = [];
  const bad = new Set<string>();
  let isSilent = false;
  for (const step of steps) {
    if (isSilent || step.needs?.some((name) => bad.has(name))) {
      bad.add(step.name);
      left.push(step.name);
      continue;
    }
    const { finding, error } = await runStep(step, options, signal);
    checks.push({ group: options.group, name: step.name, ...finding });
    if (finding.outcome === "fail") bad.add(step.name);
    isSilent = isBackupError(error, "STORE_UNAVAILABLE");
  }
  return left.length === 0 ? checks : [...checks, notTried(options.group, left)];
}

/** The row for what was not looked at. */
export function notTried(group: CheckGroup, names: readonly string[]): Check {
  return {
    group,
    name: "others",
    ...warn(`not tried: ${names.join(", ")}`, "Set right what stands above, then run it again"),
  };
}

/** The row for an error that a look has ended with. */
export function failed(group: CheckGroup, name: string, error: unknown): Check {
  return { group, name, ...findingOf(error) };
}

/** Runs one step by itself. */
export async function runStep(
  { run, isOptional = false }: Omit<Step, "name">,
  { clock, boundMs, trouble }: Omit<StepsOptions, "group">,
  signal: AbortSignal,
): Promise<{ readonly finding: Finding; readonly error?: unknown }> {
  const late = (): BackupError => trouble?.() ?? noAnswer(boundMs);
  try {
    return { finding: await withDeadline({ clock, ms: boundMs, error: late }, run, signal) };
  } catch (error) {
    signal.throwIfAborted();
    const finding = findingOf(error);
    const isBearable = isOptional && isBackupError(error, "STORE_REFUSED", "ETCD_REFUSED", "ETCD_UNAVAILABLE");
    return { finding: isBearable && finding.outcome === "fail" ? { ...finding, outcome: "warn" } : finding, error };
  }
}

function findingOf(error: unknown): Finding {
  if (!isBackupError(error)) throw error;
  return fail(error.message, error.hint ?? "Look at the logs of the service that answered like this");
}

function noAnswer(ms: number): BackupError {
  return new BackupError("STORE_UNAVAILABLE", `Cannot wait any longer: no answer within ${ms / 1000} s`, {
    hint: "See whether the service, or whoever gives the credentials, is up and not overloaded",
  });
}
