import type { Instant } from "../model/time.ts";

/** A set of AWS credentials from one layer; never mixed from two. */
export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiresAt?: Instant;
}

/** What may be told about credentials: no secret in it. */
export interface CredentialsDescription {
  readonly layer: "config" | "environment" | "sharedFile" | "webIdentity" | "container" | "instance";
  /** Where they come from in words: a file's path, `environment`, … */
  readonly source: string;
  readonly profile?: string;
  /** The key id's last four characters. */
  readonly keyTail: string;
  readonly expiresAt?: Instant;
}

/** What the service refused, with its error, and how long to wait for something better. */
export interface Rejection {
  readonly identity: Identity;
  readonly cause: unknown;
  readonly waitMs: number;
}

/**
 * The credentials in force. One source lives as long as the process, through every rotation.
 * Rejects with `CREDENTIALS_MISSING` or `CREDENTIALS_INVALID`.
 */
export interface CredentialSource extends AsyncDisposable {
  /** The set to sign the next request with. Cheap: asked before every request. */
  current(): Promise<Identity>;
  /** Reads the source again now; a broken one keeps the last good set. */
  refresh(): Promise<void>;
  /**
   * Called when the service refused a set. Reads the source again and waits until it holds a set
   * that was not refused, or the previous one that is still accepted. Rejects with
   * `CREDENTIALS_REJECTED` when `waitMs` is over.
   */
  replace(rejection: Rejection, signal: AbortSignal): Promise<void>;
  /** Called when the service accepted a request signed with `identity`. Cheap. */
  accepted(identity: Identity): void;
  describe(): CredentialsDescription | undefined;
}
