/** What a check is about; they are shown in this order. */
export const CHECK_GROUPS = ["configuration", "credentials", "etcd", "bucket", "directory"] as const;

export type CheckGroup = (typeof CHECK_GROUPS)[number];

/** What a look at one thing has found. Whatever is not right comes with what to do about it. */
export type Finding =
  | { readonly outcome: "pass"; readonly detail: string }
  | { readonly outcome: "warn" | "fail"; readonly detail: string; readonly hint: string };

/** One row of `doctor`. */
export type Check = { readonly group: CheckGroup; readonly name: string } & Finding;

/** How many checks ended how. */
export type CheckSummary = Readonly<Record<Check["outcome"], number>>;

export function summarizeChecks(checks: readonly Check[]): CheckSummary {
  const count = (outcome: Check["outcome"]): number => checks.filter((check) => check.outcome === outcome).length;
  return { pass: count("pass"), warn: count("warn"), fail: count("fail") };
}

/** The checks in the order of their groups; within a group as they were made. */
export function inOrder(checks: readonly Check[]): Check[] {
  return CHECK_GROUPS.flatMap((group) => checks.filter((check) => check.group === group));
}

export function pass(detail: string): Finding {
  return { outcome: "pass", detail };
}

export function warn(detail: string, hint: string): Finding {
  return { outcome: "warn", detail, hint };
}

export function fail(detail: string, hint: string): Finding {
  return { outcome: "fail", detail, hint };
}
