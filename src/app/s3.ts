import type { S3Config } from "../config/schema.ts";
import { createCredentialSource } from "../credentials/credential-source.ts";
import type { Clock } from "../ports/clock.ts";
import type { CredentialSource } from "../ports/credentials.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { createS3Store } from "../s3/object-store.ts";
import type { S3StoreOptions } from "../s3/options.ts";
import { endpointOf, regionOf } from "./s3-place.ts";

export interface S3Options {
  readonly config: S3Config;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
}

/** The bucket and the credentials for it. `owner` disposes of the credentials, which are watching their files already. */
export function createS3(
  { config, environment, telemetry, clock }: S3Options,
  owner: AsyncDisposableStack,
): {
  readonly store: ObjectStore;
  /** The same bucket with another folder. */
  readonly storeIn: (folder: string) => ObjectStore;
  readonly credentials: CredentialSource;
} {
  const credentials = owner.use(
    createCredentialSource({
      config,
      environment,
      clock,
      onChange: telemetry.credentialsChanged,
      onRejected: telemetry.credentialsRejected,
      onWarning: telemetry.warning,
    }),
  );
  const storeIn = (folder: string): ObjectStore =>
    createS3Store(storeOptions({ config: { ...config, folder }, environment, telemetry, clock }, credentials));
  return { store: storeIn(config.folder), storeIn, credentials };
}

/** All that a store in S3, or a probe of its bucket, is made with. */
export function storeOptions(
  {
    config,
    environment,
    telemetry,
    clock,
  }: Omit<S3Options, "telemetry"> & { readonly telemetry: Pick<Telemetry, "warning"> },
  credentials: CredentialSource,
): S3StoreOptions {
  return {
    config,
    region: regionOf(config, environment),
    endpoint: endpointOf(config, environment),
    credentials,
    clock,
    random: Math.random,
    environment,
    warn: telemetry.warning,
  };
}
