import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { eventually } from "../../test/support/eventually.ts";
import { LAUNCHER, type Stage } from "./stage.ts";

/** A line of the daemon's log. */
export interface LogLine {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The daemon as systemd would run it, with its log taken apart. */
export class DemoDaemon implements AsyncDisposable {
  readonly lines: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;

  constructor(stage: Stage) {
    this.#child = spawn(LAUNCHER, ["run", "--config", stage.configFile, "--log-format", "json"], {
      env: stage.environment,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const { promise, resolve } = Promise.withResolvers<number | null>();
    this.#child.on("close", resolve);
    this.#ended = promise;
    if (this.#child.stderr) {
      createInterface({ input: this.#child.stderr }).on("line", (line) => this.lines.push(parse(line)));
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** How many lines of an event there are. */
  count(event: string): number {
    return this.lines.filter((line) => line.event === event).length;
  }

  /** Waits for `event` to have come `times` times; gives the last of them. */
  async heard(event: string, times: number): Promise<LogLine> {
    const find = (): LogLine | undefined => this.lines.filter((line) => line.event === event)[times - 1];
    await eventually(find, { timeoutMs: 30_000 }).catch(() => undefined);
    const line = find();
    if (line) return line;
    const last = JSON.stringify(this.lines.slice(-3));
    throw new Error(`the daemon never said ${event} for the ${times}. time; its last words: ${last}`);
  }

  /** Its exit code, once it has ended. */
  get ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Ends it as systemd does, and gives its exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

function parse(line: string): LogLine {
  try {
    return JSON.parse(line);
  } catch {
    return { event: "words", text: line };
  }
}
