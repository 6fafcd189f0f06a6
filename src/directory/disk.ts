import { BackupError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import { type Attempt, storeError } from "./errors.ts";

/**
 * How long one operation may take. Generous, since an fsync waits for all that is dirty; but a dead
 * NFS mount never answers at all, and must not keep the daemon from its other stores.
 */
const STALL_MS = 60_000;

export interface DiskWork<T> extends Attempt {
  run(): Promise<T>;
  /** Takes back what `run` made, when nobody waits for it any more. */
  undo?(result: T): Promise<void>;
}

/**
 * The edge to the file system: every call passes here, to be bounded in time, abortable, and
 * translated. The threads that serve file systems are few (libuv's pool has four, which name
 * resolution needs as well), so while a call hangs no further one is made.
 */
export class Disk {
  readonly #clock: Clock;
  #hanging = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does the work. Rejects with a `BackupError`, or with `signal.reason`, also while it is under way. */
  async do<T>(work: DiskWork<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#hanging > 0) throw hangs(work, "an earlier operation still hangs");
    const pending = work.run();
    const limit = new AbortController();
    const onAbort = (): void => limit.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([pending, this.#expire(work, pending, limit.signal)]);
    } catch (error) {
      if (limit.signal.aborted || isHang(error)) undoLater(work, pending);
      throw signal.aborted ? signal.reason : storeError(work, error);
    } finally {
      signal.removeEventListener("abort", onAbort);
      limit.abort();
    }
  }

  async #expire(attempt: Attempt, pending: Promise<unknown>, signal: AbortSignal): Promise<never> {
    await this.#clock.sleep(STALL_MS, signal);
    this.#hanging += 1;
    const onReturn = (): void => {
      this.#hanging -= 1;
    };
    pending.then(onReturn, onReturn);
    throw hangs(attempt, `the file system did not answer for ${STALL_MS / 1000} s`);
  }
}

const HANG = Symbol("hang");

function hangs({ verb, target }: Attempt, detail: string): BackupError {
  return new BackupError("STORE_UNAVAILABLE", `Cannot ${verb} "${target}": ${detail}`, {
    hint: "See with `df` and `dmesg` whether the mount is alive",
    cause: HANG,
  });
}

function isHang(error: unknown): boolean {
  return error instanceof BackupError && error.cause === HANG;
}

function undoLater<T>({ undo }: DiskWork<T>, pending: Promise<T>): void {
  if (undo) pending.then(undo).catch(() => undefined);
}
