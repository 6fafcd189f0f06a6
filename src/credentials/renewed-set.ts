import { withDeadline } from "../async/deadline.ts";
import { BackupError } from "../errors.ts";
import type { Instant } from "../model/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { Identity } from "../ports/credentials.ts";
import type { Urgency } from "./loader.ts";

/** A set that came from a program or a service, and when to ask for the next one. */
export interface Renewed {
  readonly identity: Identity;
  readonly renewAt?: Instant;
}

const renewAheadMs = 300_000;
/** Asking is a request or a process: not more often than this, whoever wants it. */
const pauseMs = 5_000;
const patienceMs = 60_000;

/**
 * When to renew a set: five minutes before its expiry, or at half of what is left when that is sooner, so
 * that a service that still gives the old set is asked again at ever shorter intervals.
 */
export function renewalTime(expiresAt: Instant, now: Instant): Instant {
  return expiresAt - Math.min(renewAheadMs, Math.max(0, expiresAt - now) / 2);
}

/** Keeps a set that costs something to get, until it is due, refused, or has no expiry and a run begins. */
export class RenewedSet {
  readonly #fetch: (signal: AbortSignal) => Promise<Identity>;
  readonly #clock: Clock;
  #held: Renewed | undefined;
  #failure: { readonly error: unknown } | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  /** The signal aborts when nobody waits for the answer any more. */
  constructor(fetch: (signal: AbortSignal) => Promise<Identity>, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** The set held, or a new one. Rejects as `fetch` does; the set held is not lost by that. */
  async get(urgency: Urgency, signal: AbortSignal): Promise<Renewed> {
    if (this.#held && !this.#stale(this.#held, urgency)) return this.#held;
    if (this.#clock.monotonic() - this.#askedAt < pauseMs) {
      if (this.#failure) throw this.#failure.error;
      if (this.#held) return this.#held;
    }
    return await this.#ask(signal);
  }

  #stale({ renewAt }: Renewed, urgency: Urgency): boolean {
    if (urgency === "rejected") return true;
    return renewAt === undefined ? urgency === "run" : this.#clock.now() >= renewAt;
  }

  async #ask(signal: AbortSignal): Promise<Renewed> {
    this.#askedAt = this.#clock.monotonic();
    try {
      // One that hangs must not end renewal for good.
      const bound = { clock: this.#clock, ms: patienceMs, error: noAnswer };
      const identity = await withDeadline(bound, this.#fetch, signal);
      const { expiresAt } = identity;
      this.#held = {
        identity,
        ...(expiresAt !== undefined && { renewAt: renewalTime(expiresAt, this.#clock.now()) }),
      };
      this.#failure = undefined;
      return this.#held;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}

function noAnswer(): BackupError {
  return new BackupError("CREDENTIALS_INVALID", `Cannot get credentials: no answer within ${patienceMs / 1_000} s`, {
    hint: "See that the program of credential_process, or the service that gives the credentials, answers; it is asked again",
  });
}
