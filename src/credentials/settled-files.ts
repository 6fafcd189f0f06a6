import { BackupError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { FileText } from "./file-text.ts";

/** How long files must stay the same before what they say is believed. */
const settleMs = 100;
/** The same for a file that ends in mid-line and was written just now: its writer may not be done. */
const settleUnfinishedMs = 1_000;
/** How long one reading waits for a writer; the next attempt follows a second later. */
const patienceMs = 2_500;

/**
 * Files that are read as one: two reads 100 ms apart must agree on all of them. What was believed before
 * needs no second read. Guarded by the interleaving property in settled-files.test.ts.
 */
export class SettledFiles {
  readonly #paths: readonly string[];
  readonly #read: (path: string) => Promise<FileText>;
  readonly #clock: Clock;
  #believed: readonly FileText[] | undefined;

  constructor(paths: readonly string[], read: (path: string) => Promise<FileText>, clock: Clock) {
    this.#paths = paths;
    this.#read = read;
    this.#clock = clock;
  }

  /** The files in the order of the paths. Rejects with `CREDENTIALS_INVALID` when they keep changing. */
  async read(signal: AbortSignal): Promise<readonly FileText[]> {
    const began = this.#clock.monotonic();
    let files = await this.readOnce();
    if (this.#believed && sameTexts(files, this.#believed)) return files;

    for (let since = began; this.#clock.monotonic() - since < this.#quietMs(files); ) {
      if (this.#clock.monotonic() - began > patienceMs) throw stillChanging(this.#paths);
      await this.#clock.sleep(settleMs, signal);
      const again = await this.readOnce();
      if (!sameTexts(files, again)) since = this.#clock.monotonic();
      files = again;
    }
    this.#believed = files;
    return files;
  }

  /** The files as they are now, believed or not. */
  async readOnce(): Promise<readonly FileText[]> {
    return await Promise.all(this.#paths.map(this.#read));
  }

  #quietMs(files: readonly FileText[]): number {
    const now = this.#clock.now();
    const unfinished = files.some(
      (file) =>
        file.kind === "text" && !file.text.endsWith("\n") && Math.abs(now - file.changedAt) < settleUnfinishedMs,
    );
    return unfinished ? settleUnfinishedMs : settleMs;
  }
}

/** Whether both readings found the same text, or the same lack of it, in every file. */
export function sameTexts(some: readonly FileText[], others: readonly FileText[]): boolean {
  return some.every((file, index) => {
    const other = others[index];
    if (file.kind === "text") return other?.kind === "text" && file.text === other.text;
    return file.kind === other?.kind;
  });
}

function stillChanging(paths: readonly string[]): BackupError {
  const files = paths.map((path) => `"${path}"`).join(" and ");
  return new BackupError("CREDENTIALS_INVALID", `Cannot read ${files}: the text changes while it is read`, {
    hint: "Write to another file and rename it into place",
  });
}
