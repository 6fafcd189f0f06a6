import type { S3Client } from "@aws-sdk/client-s3";
import { backoffMs } from "../async/backoff.ts";
import { BackupError, isBackupError } from "../errors.ts";
import type { Instant } from "../model/time.ts";
import type { Identity } from "../ports/credentials.ts";
import type { Answer, Attempt } from "./attempt.ts";
import type { Wire } from "./client.ts";
import { regionOfHost } from "./endpoint.ts";
import { toBackupError } from "./errors.ts";
import { classify, type Failure, hasServiceCode, retryAfterMs } from "./failure.ts";
import { IdentityGate } from "./identity-gate.ts";
import { Limiter } from "./limiter.ts";
import type { S3StoreOptions } from "./options.ts";
import { STALLED } from "./stall.ts";

/** One thing that is asked of S3, however many requests it takes. */
export interface Call<T> {
  /** Completes "Cannot …". */
  readonly what: string;
  /** The action that a policy must allow, e.g. `s3:PutObject`. */
  readonly permission: string;
  /** Part of an upload that S3 has accepted: refused credentials are waited out, a plain 403 included. */
  readonly uploading?: boolean;
  /** See `Attempt.payloadHash`. */
  readonly payloadHash?: string;
  /** Codes with which the caller knows what to do: they are returned, not thrown. */
  readonly tolerate?: readonly string[];
  /** Asked after each failure: may find that the lost answer was a success. */
  readonly recover?: () => Promise<T | undefined>;
  /** Throws when the answer looks right and is not; tried again. */
  readonly check?: (output: T) => void;
  /** Asked after each failure: whether it has come further since it was asked last, so that trying on is not in vain. */
  readonly advanced?: () => boolean;
}

export interface Reply<T> {
  readonly output: T;
  readonly answer: Answer | undefined;
  /** Requests that it took. */
  readonly attempts: number;
}

/** A refusal that the caller tolerates, and what it would have been told otherwise. */
export interface Refusal {
  readonly refused: string;
  readonly failure: Failure;
  readonly error: BackupError;
}

export type Send<T> = (client: S3Client, options: { abortSignal: AbortSignal }) => Promise<T>;

const ATTEMPTS = 10;
/** As long as the endpoint has never answered as S3 does, it is more likely wrong than busy. */
const FIRST_ATTEMPTS = 4;
const THROTTLED_BACKOFF = { firstMs: 2000, capMs: 30_000 } as const;
/** A key that is revoked before its successor is written must not cost the run. */
const HOLD_MS = 60_000;
/** A set that was never accepted is wrong rather than rotated; the source is still read once more. */
const FIRST_HOLD_MS = 1000;
const MAX_REPLACEMENTS = 20;
/** What only a service that keeps objects says; the rest of such an answer may still be lost. */
const PARTIAL_CONTENT = 206;
/** Said only to whom the service knows: no such object, a precondition that failed, a range that is none. */
const ABOUT_THE_OBJECT = new Set([404, 412, 416]);

/** What has gone wrong so far in one call. */
interface Tally {
  failures: number;
  replacements: number;
  requests: number;
  movedRegion: boolean;
}

/** Sends requests until they succeed or are past hope. */
export class Requests {
  readonly #wire: Wire;
  readonly #options: S3StoreOptions;
  readonly #limiter: Limiter;
  readonly #gate: IdentityGate;
  /** Key ids that the service has accepted. */
  readonly #accepted = new Set<string>();
  #answered = false;
  #trouble: BackupError | undefined;
  #date: { readonly instant: Instant; readonly at: number } | undefined;

  constructor(wire: Wire, options: S3StoreOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#limiter = new Limiter(options.config.concurrency);
    this.#gate = new IdentityGate(options.credentials);
  }

  /** What the request under way, or the last one, failed with; `undefined` once one has succeeded. */
  get trouble(): BackupError | undefined {
    return this.#trouble;
  }

  /** Whether the service has told its time. */
  get isDated(): boolean {
    return this.#date !== undefined;
  }

  /** The service's time, reckoned on from its last Date header. */
  now(): Instant {
    const { clock } = this.#options;
    return this.#date === undefined ? clock.now() : this.#date.instant + clock.monotonic() - this.#date.at;
  }

  /** As `attempt`, but rejects with a tolerated refusal too. */
  async run<T>(call: Call<T>, send: Send<T>, signal: AbortSignal): Promise<Reply<T>> {
    const reply = await this.attempt(call, send, signal);
    if ("refused" in reply) throw reply.error;
    return reply;
  }

  /** Resolves with the output or with a tolerated refusal; rejects with a `BackupError` or `signal.reason`. */
  async attempt<T>(call: Call<T>, send: Send<T>, signal: AbortSignal): Promise<Reply<T> | Refusal> {
    const tally: Tally = { failures: 0, replacements: 0, requests: 0, movedRegion: false };
    for (;;) {
      const identity = await this.#gate.admit(signal);
      const attempt: Attempt = { identity, payloadHash: call.payloadHash, answer: undefined };
      tally.requests++;
      const outcome = await this.#once(call, { attempt, send }, signal);
      if ("output" in outcome) return { output: outcome.output, answer: attempt.answer, attempts: tally.requests };
      signal.throwIfAborted();
      const { failure } = outcome;
      if (call.tolerate?.includes(failure.code)) {
        this.#noteRefusal(attempt);
        return { refused: failure.code, failure, error: this.#error(call, { failure, identity }) };
      }
      const found = await call.recover?.();
      if (found !== undefined) return { output: found, answer: attempt.answer, attempts: tally.requests };
      await this.#prepareNext(call, { failure, identity, tally }, signal);
    }
  }

  async #once<T>(
    call: Call<T>,
    { attempt, send }: { attempt: Attempt; send: Send<T> },
    signal: AbortSignal,
  ): Promise<{ output: T } | { failure: Failure }> {
    using _slot = await this.#limiter.enter(signal);
    try {
      const output = await this.#wire.attempts.run(attempt, () => send(this.#wire.client, { abortSignal: signal }));
      call.check?.(output);
      this.#noteSuccess(attempt);
      return { output };
    } catch (error) {
      this.#noteDate(attempt.answer);
      if (hasServiceCode(error) || attempt.answer?.status === PARTIAL_CONTENT) this.#answered = true;
      return {
        failure: classify(error, attempt.answer, call.uploading === true || this.#isUnproven(attempt.identity)),
      };
    }
  }

  #noteSuccess(attempt: Attempt): void {
    this.#noteDate(attempt.answer);
    this.#answered = true;
    this.#accepted.add(attempt.identity.accessKeyId);
    this.#trouble = undefined;
    this.#limiter.succeeded();
    this.#options.credentials.accepted(attempt.identity);
  }

  /** "There is none", "there is one already": an answer like any other. A HEAD's 400 or 301 may be about who asks. */
  #noteRefusal(attempt: Attempt): void {
    if (ABOUT_THE_OBJECT.has(attempt.answer?.status ?? 0)) this.#noteSuccess(attempt);
  }

  /** Where another set was accepted before: some services say AccessDenied to a key that does not exist. */
  #isUnproven({ accessKeyId }: Identity): boolean {
    return this.#accepted.size > 0 && !this.#accepted.has(accessKeyId);
  }

  #noteDate(answer: Answer | undefined): void {
    const instant = Date.parse(answer?.headers["date"] ?? "");
    if (!Number.isNaN(instant)) this.#date = { instant, at: this.#options.clock.monotonic() };
  }

  /** Waits for whatever makes another attempt worthwhile, or rejects with the failure. */
  async #prepareNext<T>(
    call: Call<T>,
    { failure, identity, tally }: { failure: Failure; identity: Identity; tally: Tally },
    signal: AbortSignal,
  ): Promise<void> {
    const error = this.#error(call, { failure, identity });
    this.#trouble = error;
    if (failure.kind === "credentials" && tally.replacements++ < MAX_REPLACEMENTS) {
      return await this.#replaceIdentity(call, { cause: error, identity }, signal);
    }
    if (failure.kind === "region" && this.#moveRegion(failure, tally)) return;
    if (call.advanced?.()) tally.failures = 0;
    const mayRetry = failure.kind === "throttled" || failure.kind === "broken";
    if (!mayRetry || ++tally.failures >= this.#attemptsAfter(failure)) throw error;
    await this.#backOff(failure, tally.failures, signal);
  }

  /** Who takes the first connection and says nothing for `s3.stallTimeout` keeps an operator waiting long enough. */
  #attemptsAfter({ code }: Failure): number {
    if (this.#answered) return ATTEMPTS;
    return code === STALLED ? 1 : FIRST_ATTEMPTS;
  }

  async #backOff(failure: Failure, attempt: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    if (failure.kind === "broken") return await clock.sleep(backoffMs(attempt, random), signal);
    this.#limiter.slowDown();
    const atLeast = retryAfterMs(failure.answer, clock.now());
    // Half of it for certain: full jitter may be nothing, and the service has just asked for a pause.
    const floor = backoffMs(attempt, () => 0.5, THROTTLED_BACKOFF);
    await clock.sleep(Math.max(atLeast, floor) + backoffMs(attempt, random, THROTTLED_BACKOFF) / 2, signal);
  }

  async #replaceIdentity<T>(
    call: Call<T>,
    { cause, identity }: { cause: BackupError; identity: Identity },
    signal: AbortSignal,
  ): Promise<void> {
    const waitMs = call.uploading || this.#accepted.size > 0 ? HOLD_MS : FIRST_HOLD_MS;
    try {
      await this.#gate.replace({ identity, cause, waitMs }, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw isBackupError(error, "CREDENTIALS_REJECTED") ? cause : error;
    }
  }

  #moveRegion({ region }: Failure, tally: Tally): boolean {
    if (region === undefined || tally.movedRegion) return false;
    tally.movedRegion = true;
    if (region === this.#wire.region) return true;
    const { config, endpoint, warn } = this.#options;
    // The requests would go on to a host that does not serve that region.
    if ((regionOfHost(endpoint) ?? region) !== region) return false;
    warn("Bucket is in another region than configured", {
      bucket: config.bucket,
      region,
      configured: this.#wire.region,
    });
    this.#wire.region = region;
    return true;
  }

  #error<T>(call: Call<T>, { failure, identity }: { failure: Failure; identity: Identity }): BackupError {
    if (failure.cause instanceof BackupError) return failure.cause;
    const { config, credentials, clock, endpoint } = this.#options;
    return toBackupError(failure, {
      what: call.what,
      permission: call.permission,
      bucket: config.bucket,
      region: this.#options.region,
      hostRegion: regionOfHost(endpoint),
      endpoint: endpoint === "" ? "AWS" : `"${endpoint}"`,
      keyTail: identity.accessKeyId.slice(-4),
      credentials: credentials.describe(),
      now: clock.now(),
    });
  }
}
