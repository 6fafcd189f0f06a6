import type { Clock } from "../ports/clock.ts";
import { streamBroken } from "./errors.ts";

export interface Watched {
  readonly clock: Clock;
  /** Longest silence of etcd's, in milliseconds. */
  readonly stallTimeoutMs: number;
  /** How long nothing has come, in milliseconds, without the time that we would not take anything. */
  silenceMs(): number;
  /** Resolves when the other side has answered. */
  ping(): Promise<void>;
}

/** etcd ends a connection that pings more often than every 5 s (`embed/config.go` DefaultGRPCKeepAliveMinTime). */
const PING_EVERY_MS = 10_000;
const PING_TIMEOUT_MS = 5_000;

/**
 * Watches over a stream until `signal` aborts. Resolves with the reason when nothing came for too long or a ping was not
 * answered: a server that is frozen, or a network that swallows packets, ends no connection by itself.
 */
export async function watchStream(watched: Watched, signal: AbortSignal): Promise<Error> {
  return await Promise.race([watchSilence(watched, signal), watchPings(watched, signal)]);
}

async function watchSilence({ clock, stallTimeoutMs, silenceMs }: Watched, signal: AbortSignal): Promise<Error> {
  for (;;) {
    const left = stallTimeoutMs - silenceMs();
    if (left <= 0) return streamBroken(`nothing came for ${stallTimeoutMs / 1000} s`);
    await clock.sleep(left, signal);
  }
}

async function watchPings({ clock, ping }: Watched, signal: AbortSignal): Promise<Error> {
  for (;;) {
    await clock.sleep(PING_EVERY_MS, signal);
    const answered = new AbortController();
    const late = clock.sleep(PING_TIMEOUT_MS, AbortSignal.any([signal, answered.signal])).then(
      () => true,
      () => false,
    );
    const isLate = await Promise.race([late, ping().then(() => false)]);
    answered.abort();
    if (isLate) return streamBroken(`etcd did not answer a ping within ${PING_TIMEOUT_MS / 1000} s`);
  }
}
