import type { Clock } from "../ports/clock.ts";
import type { CredentialSource } from "../ports/credentials.ts";
import { LatchedLoader, watchedPaths } from "./latch.ts";
import type { CredentialsConfig, Environment } from "./layers.ts";
import { LiveSource, type SourceListeners } from "./source.ts";

export interface CredentialSourceOptions extends SourceListeners {
  readonly config: CredentialsConfig;
  /** The process' environment with the env files filled in; HOME and the AWS variables are read from it. */
  readonly environment: Environment;
  readonly clock: Clock;
}

/**
 * The credentials in force, through every rotation. Reading begins at once and goes on until the source is
 * disposed of; absent credentials are no reason to make another one, `current` works once they appear.
 */
export function createCredentialSource(options: CredentialSourceOptions): CredentialSource {
  const loader = new LatchedLoader({ ...options, warn: options.onWarning });
  return new LiveSource({ ...options, loader, watched: watchedPaths(options) });
}
