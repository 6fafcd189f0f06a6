import type { S3Config } from "../config/schema.ts";
import type { Clock } from "../ports/clock.ts";
import type { CredentialSource } from "../ports/credentials.ts";
import type { Telemetry } from "../ports/telemetry.ts";

/** All that a store in S3 needs; region and endpoint were resolved by the caller. */
export interface S3StoreOptions {
  readonly config: S3Config;
  readonly region: string;
  /** Empty for AWS; without a scheme, https. */
  readonly endpoint: string;
  readonly credentials: CredentialSource;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Where `HTTPS_PROXY` and its like are looked up when `config.proxy` is empty. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told what is not wrong enough to fail: another region, a lock that had to be set twice. */
  readonly warn: Telemetry["warning"];
}
