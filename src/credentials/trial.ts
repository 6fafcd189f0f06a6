import type { Clock } from "../ports/clock.ts";
import type { CredentialsDescription, Identity } from "../ports/credentials.ts";
import { sameIdentity } from "./pair.ts";

/** A set and how it has fared with the service. Moments are the monotonic clock's. */
export interface Candidate {
  readonly identity: Identity;
  readonly description: CredentialsDescription;
  readonly offeredAt: number;
  acceptedAt: number | undefined;
  refusals: number;
  retryAt: number;
}

/** How long a new key may take until every server of the service knows it. */
const graceMs = 60_000;
const retryFirstMs = 1_000;
const retryLastMs = 30_000;

/**
 * Which set to sign with. The newest is tried as soon as it is there; when the service refuses it, the one
 * before is used while that is still accepted, and the newest is tried again ever more seldom.
 */
export class Trial {
  readonly #clock: Clock;
  #newest: Candidate | undefined;
  #previous: Candidate | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a set that the source holds now. Returns whether it is another one than before. */
  offer(identity: Identity, description: CredentialsDescription): boolean {
    if (this.#newest && sameIdentity(this.#newest.identity, identity)) return false;
    const back = this.#previous && sameIdentity(this.#previous.identity, identity) ? this.#previous : undefined;
    const proven = this.#newest?.acceptedAt === undefined ? this.#previous : this.#newest;
    this.#previous = proven === back ? undefined : proven;
    const offeredAt = this.#clock.monotonic();
    this.#newest = back ?? { identity, description, offeredAt, acceptedAt: undefined, refusals: 0, retryAt: 0 };
    return true;
  }

  accept(identity: Identity): void {
    const candidate = this.#find(identity);
    if (!candidate) return;
    candidate.acceptedAt ??= this.#clock.monotonic();
    candidate.refusals = 0;
  }

  /** Returns the candidate when this is its first refusal since it was last accepted. */
  refuse(identity: Identity): Candidate | undefined {
    const candidate = this.#find(identity);
    const now = this.#clock.monotonic();
    // Parts in flight are refused together; they count as one.
    if (!candidate || (candidate.refusals > 0 && now < candidate.retryAt)) return undefined;
    candidate.refusals += 1;
    candidate.retryAt = now + Math.min(retryLastMs, retryFirstMs * 2 ** (candidate.refusals - 1));
    return candidate.refusals === 1 ? candidate : undefined;
  }

  /** The set to sign with now, or `undefined` when every one was refused. */
  get usable(): Candidate | undefined {
    const newest = this.#newest;
    if (!newest || newest.refusals === 0) return newest;
    const fallback = this.#fallback(newest);
    const now = this.#clock.monotonic();
    const worthRetrying = fallback !== undefined || this.#young(newest, now);
    return worthRetrying && now >= newest.retryAt ? newest : fallback;
  }

  /** The set in force: what `usable` says, or the newest when there is nothing better. */
  get current(): Candidate | undefined {
    return this.usable ?? this.#newest;
  }

  /** Whether the newest set has yet to be refused. */
  get untried(): boolean {
    return this.#newest !== undefined && this.#newest.refusals === 0;
  }

  /**
   * The proven set before the newest, unless it was refused or the newest has proven itself for a while: a
   * key that was replaced on purpose must not come back when its successor is revoked.
   */
  #fallback(newest: Candidate): Candidate | undefined {
    const previous = this.#previous;
    if (!previous || previous.refusals > 0) return undefined;
    if ((previous.identity.expiresAt ?? Number.POSITIVE_INFINITY) <= this.#clock.now()) return undefined;
    const replaced = newest.acceptedAt !== undefined && this.#clock.monotonic() - newest.acceptedAt >= graceMs;
    return replaced ? undefined : previous;
  }

  /** Whether the newest is a successor that the service may not have heard of yet. */
  #young(newest: Candidate, now: number): boolean {
    return this.#previous !== undefined && newest.acceptedAt === undefined && now - newest.offeredAt < graceMs;
  }

  #find(identity: Identity): Candidate | undefined {
    return [this.#newest, this.#previous].find(
      (candidate) => candidate !== undefined && sameIdentity(candidate.identity, identity),
    );
  }
}
