import { abortable } from "../async/abortable.ts";
import { BackupError, isBackupError, messageOf } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { CredentialSource, CredentialsDescription, Identity, Rejection } from "../ports/credentials.ts";
import type { Loader, Reading, Urgency, Warn } from "./loader.ts";
import { keyTail } from "./pair.ts";
import { Reader } from "./reader.ts";
import { redactedError } from "./redact.ts";
import { Trial } from "./trial.ts";
import { watchFiles } from "./watch.ts";

export interface SourceListeners {
  /** Another set is held than before: log and count it. */
  readonly onChange: (description: CredentialsDescription) => void;
  /** The service refused a set; once for each set until it is accepted. */
  readonly onRejected: (fields: { readonly source: string; readonly keyTail: string; readonly error: unknown }) => void;
  readonly onWarning: Warn;
}

export interface SourceOptions extends SourceListeners {
  readonly loader: Loader;
  readonly watched: readonly string[];
  readonly clock: Clock;
}

const pollMs = 60_000;
const retryMs = 1_000;
/** When the kernel cannot watch, reading often is what keeps a rotation within 5 s. */
const unwatchedPollMs = 3_000;

/** A `CredentialSource` over one loader. */
export class LiveSource implements CredentialSource {
  readonly #options: SourceOptions;
  readonly #trial: Trial;
  readonly #reader: Reader;
  readonly #closing = new AbortController();
  readonly #watch: AsyncDisposable;
  readonly #loop: Promise<void>;
  #reading: Reading | undefined;
  #failure: { readonly error: unknown; readonly since: number; reported: boolean } | undefined;
  #wake = Promise.withResolvers<void>();
  #pollMs = pollMs;

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#trial = new Trial(options.clock);
    this.#reader = new Reader((urgency) => this.#read(urgency));
    this.#watch = watchFiles(options.watched, {
      onHint: () => this.#wake.resolve(),
      onBroken: (error) => this.#onUnwatched(error),
    });
    this.#loop = this.#follow();
  }

  async current(): Promise<Identity> {
    const identity = this.#trial.current?.identity;
    if (identity && !this.#expired(identity)) return identity;
    await this.refresh();
    const renewed = this.#trial.current?.identity;
    if (renewed && !(this.#failure && this.#expired(renewed))) return renewed;
    throw this.#whyNone();
  }

  async refresh(): Promise<void> {
    await this.#reader.read("run");
    if (!this.#trial.current) throw this.#whyNone();
  }

  async replace({ identity, cause, waitMs }: Rejection, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    this.#refuse(identity, cause);
    if (this.#trial.untried) return;
    const deadline = clock.monotonic() + waitMs;
    for (;;) {
      await abortable(this.#reader.read("rejected"), signal);
      if (this.#trial.usable) return;
      const left = deadline - clock.monotonic();
      if (left <= 0) throw this.#rejected(identity, cause);
      await clock.sleep(Math.min(retryMs, left), signal);
    }
  }

  accepted(identity: Identity): void {
    this.#trial.accept(identity);
  }

  describe(): CredentialsDescription | undefined {
    return this.#trial.current?.description;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#watch[Symbol.asyncDispose]();
    await this.#loop;
  }

  /** Reads again on each hint, and by the clock, since hints get lost. */
  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers();
      await this.#reader.read("poll");
      if (!signal.aborted) await this.#pause(signal);
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const timer = new AbortController();
    const sleep = this.#options.clock.sleep(this.#pauseMs(), AbortSignal.any([signal, timer.signal])).catch(() => {});
    await Promise.race([sleep, this.#wake.promise]);
    timer.abort();
  }

  #pauseMs(): number {
    if (this.#failure) return retryMs;
    const renewIn = (this.#reading?.renewAt ?? Number.POSITIVE_INFINITY) - this.#options.clock.now();
    return Math.max(retryMs, Math.min(this.#pollMs, renewIn));
  }

  /** One reading; what fails keeps the last good set. */
  async #read(urgency: Urgency): Promise<void> {
    try {
      const reading = await this.#options.loader.load(urgency, this.#closing.signal);
      this.#failure = undefined;
      this.#take(reading);
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#fail(error);
    }
  }

  #take(reading: Reading): void {
    this.#reading = reading;
    const { identity, layer, source, profile } = reading;
    const description: CredentialsDescription = {
      layer,
      source,
      ...(profile !== undefined && { profile }),
      keyTail: keyTail(identity),
      ...(identity.expiresAt !== undefined && { expiresAt: identity.expiresAt }),
    };
    if (this.#trial.offer(identity, description)) this.#options.onChange(description);
  }

  /** Reported only when it is still so a second later: most writers are done by then. */
  #fail(error: unknown): void {
    const now = this.#options.clock.monotonic();
    const same = this.#failure && messageOf(this.#failure.error) === messageOf(error) ? this.#failure : undefined;
    this.#failure = { error, since: same?.since ?? now, reported: same?.reported ?? false };
    if (this.#failure.reported || now - this.#failure.since < retryMs || !this.#trial.current) return;
    this.#failure.reported = true;
    this.#options.onWarning("credentials cannot be read, the last good set stays in use", {
      keyTail: keyTail(this.#trial.current.identity),
      code: isBackupError(error) ? error.code : "",
      error: messageOf(error),
      hint: isBackupError(error) ? (error.hint ?? "") : "",
    });
  }

  #whyNone(): unknown {
    return this.#failure?.error ?? new BackupError("INTERRUPTED", "Cannot get credentials: their source is closed");
  }

  #refuse(identity: Identity, cause: unknown): void {
    const refused = this.#trial.refuse(identity);
    if (!refused) return;
    const { source, keyTail: tail } = refused.description;
    this.#options.onRejected({ source, keyTail: tail, error: this.#redacted(cause, identity) });
  }

  #rejected(identity: Identity, cause: unknown): BackupError {
    const description = this.describe();
    const source = description ? ` of ${description.source}` : "";
    const error = this.#redacted(cause, identity);
    return new BackupError(
      "CREDENTIALS_REJECTED",
      `Cannot use the credentials ending in "${keyTail(identity)}"${source}: ${error.message}`,
      { hint: "Replace the key where it comes from; a new one is used without a restart", cause: error },
    );
  }

  #redacted(cause: unknown, { secretAccessKey, sessionToken }: Identity): Error {
    return redactedError(cause, sessionToken ? [secretAccessKey, sessionToken] : [secretAccessKey]);
  }

  #expired({ expiresAt }: Identity): boolean {
    return expiresAt !== undefined && expiresAt <= this.#options.clock.now();
  }

  #onUnwatched(error: unknown): void {
    if (this.#pollMs === unwatchedPollMs) return;
    this.#pollMs = unwatchedPollMs;
    this.#wake.resolve();
    this.#options.onWarning("credentials files cannot be watched, so they are read every 3 s", {
      error: messageOf(error),
      hint: 'Raise fs.inotify.max_user_watches and fs.inotify.max_user_instances with "sysctl"',
    });
  }
}
