import type { Instant } from "../model/time.ts";
import type { CredentialsDescription, Identity } from "../ports/credentials.ts";

/**
 * Why the source is read: in passing (`poll`), before a run, or because the service refused what was read
 * last. It decides whether a set that has no expiry, or is not near it, is asked for again.
 */
export type Urgency = "poll" | "run" | "rejected";

/** A set as a layer gave it. */
export interface Reading {
  readonly identity: Identity;
  readonly layer: CredentialsDescription["layer"];
  readonly source: string;
  readonly profile?: string;
  /** When to ask for the next one, ahead of the expiry. */
  readonly renewAt?: Instant;
}

/** Reads one layer. Rejects with `CREDENTIALS_INVALID`, `CREDENTIALS_MISSING` or `CONFIG_INVALID`. */
export interface Loader {
  load(urgency: Urgency, signal: AbortSignal): Promise<Reading>;
}

/** Tells operators what is not wrong enough to stop for; never a secret in it. */
export type Warn = (message: string, fields: Readonly<Record<string, unknown>>) => void;
