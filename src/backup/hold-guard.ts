import { BackupError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Member, SnapshotSource } from "../ports/snapshot-source.ts";

export interface HoldLimits {
  readonly source: SnapshotSource;
  readonly member: Member;
  readonly holdLimitMs: number;
  readonly clock: Clock;
}

/** How much the database may grow while its pages are held for us. */
const GROWTH_LIMIT = 1.25;
const LOOK_EVERY_MS = 2_000;

/**
 * Promise 4. A snapshot stream holds a read transaction of bbolt: no page that it may still read is
 * reused, so under writes the file grows, and it never shrinks again by itself. The returned signal
 * aborts when the stream has been held for too long or the file has grown too much; disposing of the
 * guard ends the watch.
 */
export function guardHold(limits: HoldLimits, signal: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const ended = new AbortController();
  const exceeded = new AbortController();
  watch(limits, AbortSignal.any([signal, ended.signal])).then(
    (error) => exceeded.abort(error),
    // Only the end of the watch rejects.
    () => undefined,
  );
  return { signal: AbortSignal.any([signal, exceeded.signal]), [Symbol.dispose]: () => ended.abort() };
}

async function watch(limits: HoldLimits, signal: AbortSignal): Promise<BackupError> {
  const { source, member, holdLimitMs, clock } = limits;
  const start = clock.monotonic();
  const bound = Math.max(member.dbSize, 1) * GROWTH_LIMIT;
  for (;;) {
    const left = holdLimitMs - (clock.monotonic() - start);
    if (left <= 0) return tooLong(`held for ${Math.round(holdLimitMs / 1000)} s`);
    await clock.sleep(Math.min(left, LOOK_EVERY_MS), signal);
    const size = await sizeNow(source, member, signal);
    if (size > bound) return tooLong(`the database grew from ${member.dbSize} to ${size} bytes meanwhile`);
  }
}

/** A member that does not answer the question is left to the stream's own watchdog. */
async function sizeNow(source: SnapshotSource, member: Member, signal: AbortSignal): Promise<number> {
  try {
    return await source.dbSize(member, signal);
  } catch {
    signal.throwIfAborted();
    return 0;
  }
}

function tooLong(detail: string): BackupError {
  return new BackupError("ETCD_HELD_TOO_LONG", `Cannot keep the snapshot stream open: ${detail}`, {
    hint: 'Set "spool.path" and "spool.maxSize" so that etcd can be read faster than the store takes the bytes, or raise "etcd.holdLimit"',
  });
}
