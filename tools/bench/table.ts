import { median } from "./rounds.ts";

/** A figure and what it may be at most. */
export interface Figure {
  readonly what: string;
  /** One for each round. */
  readonly values: readonly number[];
  readonly atMost: number;
  readonly unit: "" | " MiB" | " %";
  /** What counts: the middle one of a ratio, the worst of a peak. */
  readonly by: "median" | "most";
}

/** What counts of a figure's values. */
export function worthOf({ values, by }: Figure): number {
  return by === "median" ? median(values) : Math.max(...values);
}

export function holds(figure: Figure): boolean {
  return worthOf(figure) <= figure.atMost;
}

/** The figures as a table of Markdown. */
export function formatTable(figures: readonly Figure[]): string {
  const head = ["figure", "value", "least to most", "rounds", "at most", ""];
  const rows = figures.map((figure) => {
    const { what, values, atMost, unit } = figure;
    const show = (value: number): string =>
      `${unit === "" || unit === " %" ? value.toFixed(2) : value.toFixed(0)}${unit}`;
    const range = `${show(Math.min(...values))} to ${show(Math.max(...values))}`;
    return [what, show(worthOf(figure)), range, `${values.length}`, show(atMost), holds(figure) ? "holds" : "MISSED"];
  });
  const widths = head.map((name, column) => Math.max(3, name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
