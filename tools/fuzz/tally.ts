import type { Notice } from "./trial.ts";
import type { Report } from "./worker.ts";

const NOTICES: readonly Notice[] = ["finding", "status hash", "other figures", "unchanged"];

/** Counts what was noticed, and how, for each kind of damage. */
export class Tally {
  readonly #counts = new Map<string, Map<Notice, number>>();
  failures = 0;

  add({ kind, notice, failures }: Pick<Report, "kind" | "notice" | "failures">): void {
    if (failures.length > 0) this.failures++;
    const counts = this.#counts.get(kind) ?? new Map<Notice, number>();
    this.#counts.set(kind, counts.set(notice, (counts.get(notice) ?? 0) + 1));
  }

  count(notice: Notice): number {
    return [...this.#counts.values()].reduce((sum, counts) => sum + (counts.get(notice) ?? 0), 0);
  }

  report(): string {
    const lines = [...this.#counts.keys()]
      .sort()
      .map((kind) => row(kind, (notice) => this.#counts.get(kind)?.get(notice)));
    const all = row("all", (notice) => this.count(notice));
    return [row("damage", (notice) => notice), ...lines, all, `failures: ${this.failures}`].join("\n");
  }
}

function row(name: string, cell: (notice: Notice) => string | number | undefined): string {
  return `${name.padEnd(40)}${NOTICES.map((notice) => String(cell(notice) ?? 0).padStart(14)).join("")}`;
}
