import type { S3Config } from "../config/schema.ts";
import { anyPart, type Parts } from "./pair.ts";

/** The keys of `s3` in the configuration that are about credentials, or about the way to who gives them. */
export type CredentialsConfig = Pick<
  S3Config,
  | "profile"
  | "credentialsFile"
  | "region"
  | "endpoint"
  | "endpointCA"
  | "skipTLSVerify"
  | "proxy"
  | "accessKeyId"
  | "accessKeyIdFile"
  | "secretAccessKey"
  | "secretAccessKeyFile"
  | "sessionToken"
  | "sessionTokenFile"
>;

/** Variables as they were handed in; an empty one counts as unset. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A layer that says by itself that it is there. The instance role does not: one has to ask for it. */
export type ConfiguredLayer = "config" | "environment" | "sharedFile" | "webIdentity" | "container";

export interface LayerChoice {
  readonly layer: ConfiguredLayer | undefined;
  /** What is configured as well and has no effect, in the names of its keys. */
  readonly ignored: readonly string[];
  /** The keys that the chosen layer goes by. */
  readonly used: string;
}

interface LayerFacts {
  readonly config: CredentialsConfig;
  readonly environment: Environment;
  /** Whether the shared files hold the profile, or are there and cannot be read. */
  readonly sharedFilePresent: boolean;
}

/**
 * The first layer that is configured, in the order of the AWS tools; a profile or file named in our own
 * configuration was chosen on purpose and so beats keys that happen to be in the environment.
 */
export function chooseLayer(facts: LayerFacts): LayerChoice {
  const explicit = [explicitKeys(facts.config), sharedFileKeys(facts)] as const;
  const environment = ["environment", environmentKeys(facts.environment)] as const;
  const sharedFile = ["sharedFile", explicit[0] || explicit[1]] as const;
  const order: readonly (readonly [ConfiguredLayer, string])[] = [
    ["config", configKeys(facts.config)],
    ...(explicit[0] ? [sharedFile, environment] : [environment, sharedFile]),
    ["webIdentity", presentKeys(facts.environment, ["AWS_WEB_IDENTITY_TOKEN_FILE"])],
    ["container", presentKeys(facts.environment, containerVariables)],
  ];
  const [first, ...rest] = order.filter(([, keys]) => keys !== "");
  return { layer: first?.[0], used: first?.[1] ?? "", ignored: rest.map(([, keys]) => keys) };
}

const keyVariables = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] as const;
const containerVariables = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"] as const;
const configNames = [
  "accessKeyId",
  "accessKeyIdFile",
  "secretAccessKey",
  "secretAccessKeyFile",
  "sessionToken",
  "sessionTokenFile",
] as const;

/** The pair that the environment holds, whole or not. */
export function environmentParts(environment: Environment): Parts {
  const [accessKeyId, secretAccessKey, sessionToken] = keyVariables.map((name) => environment[name]);
  return { accessKeyId, secretAccessKey, sessionToken };
}

/** The profile's name. */
export function profileName(config: CredentialsConfig, environment: Environment): string {
  return config.profile || environment["AWS_PROFILE"] || "default";
}

/** Paths of the two shared files; without HOME, only of those that are named. */
export function sharedFilePaths(
  config: CredentialsConfig,
  environment: Environment,
): { readonly credentials: string | undefined; readonly config: string | undefined } {
  const home = environment["HOME"];
  const inHome = (name: string): string | undefined => (home ? `${home.replace(/\/+$/, "")}/.aws/${name}` : undefined);
  const expand = (path: string | undefined): string | undefined =>
    path?.startsWith("~/") && home ? `${home.replace(/\/+$/, "")}${path.slice(1)}` : path;
  return {
    credentials: expand(config.credentialsFile || environment["AWS_SHARED_CREDENTIALS_FILE"]) || inHome("credentials"),
    config: expand(environment["AWS_CONFIG_FILE"]) || inHome("config"),
  };
}

function configKeys(config: CredentialsConfig): string {
  return configNames
    .filter((name) => config[name] !== "")
    .map((name) => `s3.${name}`)
    .join(", ");
}

function explicitKeys(config: CredentialsConfig): string {
  return (["profile", "credentialsFile"] as const)
    .filter((name) => config[name] !== "")
    .map((name) => `s3.${name}`)
    .join(", ");
}

function environmentKeys(environment: Environment): string {
  return anyPart(environmentParts(environment)) ? presentKeys(environment, keyVariables) : "";
}

function sharedFileKeys({ config, environment, sharedFilePresent }: LayerFacts): string {
  const named = presentKeys(environment, ["AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE"]);
  if (named || !sharedFilePresent) return named;
  const paths = sharedFilePaths(config, environment);
  return `profile "${profileName(config, environment)}" of "${paths.credentials ?? paths.config ?? ""}"`;
}

function presentKeys(environment: Environment, names: readonly string[]): string {
  return names.filter((name) => environment[name]).join(", ");
}
