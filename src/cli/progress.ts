import type { Clock } from "../ports/clock.ts";
import { formatBytes, formatDuration } from "./format.ts";
import type { Terminal } from "./terminal.ts";

/** Told of bytes done and bytes in all. */
export type Progress = (done: number, total: number) => void;

const REDRAW_MS = 200;
const LINE_MS = 10_000;
const BAR_CELLS = 24;

/** Shows progress on stderr: a bar that is redrawn on a terminal, now and then a plain line elsewhere. */
export function progressOn({ stderr }: Terminal, clock: Clock): Progress {
  const start = clock.monotonic();
  const every = stderr.isTTY ? REDRAW_MS : LINE_MS;
  let shown = start;
  return (done, total) => {
    const now = clock.monotonic();
    const last = done >= total;
    if (now - shown < every && !(last && stderr.isTTY)) return;
    shown = now;
    const line = describe({ done, total, elapsedMs: now - start });
    stderr.write(stderr.isTTY ? `\r${bar(done, total)} ${line}\u001b[K${last ? "\n" : ""}` : `${line}\n`);
  };
}

function bar(done: number, total: number): string {
  const cells = total > 0 ? Math.min(BAR_CELLS, Math.floor((done / total) * BAR_CELLS)) : 0;
  return `[${"#".repeat(cells)}${".".repeat(BAR_CELLS - cells)}]`;
}

function describe({ done, total, elapsedMs }: { done: number; total: number; elapsedMs: number }): string {
  const rate = done / Math.max(elapsedMs / 1000, 0.001);
  const left = rate > 0 ? formatDuration(((total - done) / rate) * 1000) : "?";
  const percent = total > 0 ? Math.floor((done / total) * 100) : 100;
  return `${percent}% ${formatBytes(done)} of ${formatBytes(total)}, ${formatBytes(Math.round(rate))}/s, ${left} left`;
}
