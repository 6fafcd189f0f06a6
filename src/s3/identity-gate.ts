import { abortable } from "../async/abortable.ts";
import { sameIdentity } from "../model/same-identity.ts";
import type { CredentialSource, Identity, Rejection } from "../ports/credentials.ts";

/**
 * Holds requests whose signer was refused until there is another one. With several parts in flight they are all
 * refused at once: the source is asked once for all of them. New requests wait as well: a service that refuses a
 * part may close before it has read it all, which looks like a broken connection and would use up attempts.
 */
export class IdentityGate {
  readonly #source: CredentialSource;
  #pending: { readonly identity: Identity; readonly replaced: Promise<void> } | undefined;

  constructor(source: CredentialSource) {
    this.#source = source;
  }

  /** The set to sign with, once it is not one that was refused. Rejects as `CredentialSource.replace` does. */
  async admit(signal: AbortSignal): Promise<Identity> {
    const before = this.#pending;
    const identity = await abortable(this.#source.current(), signal);
    const pending = this.#pending ?? before;
    if (pending === undefined || !sameIdentity(pending.identity, identity)) return identity;
    await abortable(pending.replaced, signal);
    return await abortable(this.#source.current(), signal);
  }

  /** Resolves when the source holds another set than the refused one. Rejects as `CredentialSource.replace` does. */
  async replace(rejection: Rejection, signal: AbortSignal): Promise<void> {
    if (!sameIdentity(await abortable(this.#source.current(), signal), rejection.identity)) return;
    if (this.#pending === undefined || !sameIdentity(this.#pending.identity, rejection.identity)) {
      this.#ask(rejection, signal);
    }
    if (this.#pending) await abortable(this.#pending.replaced, signal);
  }

  #ask(rejection: Rejection, signal: AbortSignal): void {
    const replaced = this.#source.replace(rejection, signal).finally(() => {
      if (this.#pending?.replaced === replaced) this.#pending = undefined;
    });
    // Whoever waits for it may have been aborted.
    replaced.catch(() => undefined);
    this.#pending = { identity: rejection.identity, replaced };
  }
}
