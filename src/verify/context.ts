import type { Clock } from "../ports/clock.ts";
import type { OpenLocalFile } from "../ports/local-file.ts";
import type { Scratch } from "../ports/scratch.ts";

/** What verification works with. `app` makes it, once. */
export interface VerifyContext {
  readonly node: string;
  /** This program and its version. */
  readonly writer: string;
  /** Bytes: a snapshot up to this size is kept in memory while it is looked at, and read only once. */
  readonly inMemoryBytes: number;
  readonly scratch: Scratch;
  readonly openFile: OpenLocalFile;
  readonly clock: Clock;
}
