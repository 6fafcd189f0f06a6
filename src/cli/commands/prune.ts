import { checkOwner } from "../../backup/identity.ts";
import { executePrune, type PrunePlan, planPrune } from "../../backup/prune.ts";
import { BackupError } from "../../errors.ts";
import { formatTable } from "../format.ts";
import { printResult } from "../print-result.ts";
import type { Session } from "../session.ts";

export interface PruneOptions {
  readonly dryRun: boolean;
  /** Whether to go on without asking. */
  readonly yes: boolean;
}

/** `prune`: shows what retention decides about every snapshot and why; then, unless it is a dry run, does it. */
export async function prune(session: Session, { dryRun, yes }: PruneOptions): Promise<void> {
  const { app, terminal } = session;
  if (dryRun) return show(session, await planAll(session));
  await using _lock = await app.lock.acquire(app.lockNames.run, 0, terminal.signal);
  for (const destination of app.context.destinations) await checkOwner(app.context, destination, terminal.signal);
  const plans = await planAll(session);
  show(session, plans);
  const doomed = plans.flatMap(({ decisions }) => decisions.filter(({ action }) => action === "delete")).length;
  if (doomed > 0 && (yes || (await confirmed(session, doomed)))) await execute(session, plans);
  refuseFrozen(plans);
}

/** Plans and prunes without a word on stdout. */
export async function pruneStores(session: Session): Promise<void> {
  const plans = await planAll(session);
  await execute(session, plans);
  refuseFrozen(plans);
}

async function planAll({ app, terminal }: Session): Promise<PrunePlan[]> {
  const { context, retention } = app;
  const plans: PrunePlan[] = [];
  for (const destination of context.destinations) {
    plans.push(await planPrune({ destination, retention }, terminal.signal));
  }
  return plans;
}

function show({ terminal, format }: Session, plans: readonly PrunePlan[]): void {
  const rows = plans.flatMap(({ destination, decisions }) =>
    decisions.map((decision) => ({ ...decision, store: destination.store.url("") })),
  );
  const text = (): string =>
    formatTable(
      ["NAME", "DECISION", "WHY", "STORE"],
      rows.map(({ name, action, reasons, store }) => [name, action, reasons.join(", "), store]),
    );
  printResult(terminal, { format, data: rows, text });
  for (const { frozen } of plans) for (const why of frozen) terminal.stderr.write(`warning: ${why}\n`);
}

async function confirmed({ terminal }: Session, count: number): Promise<boolean> {
  if (terminal.confirm) return await terminal.confirm(`Delete ${count} snapshot${count === 1 ? "" : "s"}?`);
  throw new BackupError("USAGE", "Cannot ask before deleting: this is no terminal", {
    hint: "Add --yes to delete without asking, or --dry-run to delete nothing",
  });
}

async function execute({ app, terminal }: Session, plans: readonly PrunePlan[]): Promise<void> {
  const left: Record<string, string> = {};
  for (const plan of plans) {
    const deletion = await executePrune(app.context, plan, terminal.signal);
    const { deleted, hidden } = deletion;
    const store = plan.destination.store.url("");
    terminal.stderr.write(`Deleted ${deleted.length + hidden.length} of "${store}"\n`);
    if (hidden.length > 0) terminal.stderr.write(`warning: ${keptBytes(store)}\n`);
    Object.assign(left, deletion.left);
  }
  reportLeft(left);
}

/** Pruning that was asked for and stands still has not been done, whatever else was deleted. */
function refuseFrozen(plans: readonly PrunePlan[]): void {
  for (const { destination, frozen } of plans) {
    const [why] = frozen;
    if (why === undefined) continue;
    throw new BackupError("SNAPSHOT_SUSPECT", `Cannot prune "${destination.store.url("")}": ${why}`, {
      hint: "Look at the suspect snapshots with `etcd-ark list`; if history is right, accept them",
    });
  }
}

/** What a versioned bucket does to a deleted snapshot. */
export function keptBytes(store: string): string {
  return `"${store}" is versioned and keeps the bytes, until a lifecycle rule expires noncurrent versions`;
}

/** What was to go and is still there is a failure, not a success with a remark. */
export function reportLeft(left: Readonly<Record<string, string>>): void {
  const [first, ...others] = Object.entries(left);
  if (!first) return;
  const more = others.length > 0 ? ` and ${others.length} more` : "";
  throw new BackupError("STORE_REFUSED", `Cannot delete snapshot "${first[0]}"${more}: ${first[1]}`, {
    hint: "Remove what keeps it (a lock, a policy without s3:DeleteObject), then run `etcd-ark prune` again",
  });
}
