import { readFileSync } from "node:fs";
import { Agent, type AgentOptions } from "node:https";
import { proxyVariables } from "../config/proxy.ts";
import { BackupError } from "../errors.ts";
import type { Identity } from "../ports/credentials.ts";
import type { CredentialsConfig, Environment } from "./layers.ts";
import { redactedError } from "./redact.ts";

/** What an SDK provider returns, as far as it counts here. */
interface SdkCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly expiration?: Date | undefined;
}

/** An SDK provider's set as an `Identity`. */
export function toIdentity(credentials: SdkCredentials): Identity {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials;
  if (!accessKeyId || !secretAccessKey) throw new Error("the answer holds no key id or no secret key");
  if (expiration && Number.isNaN(expiration.getTime())) throw new Error("the answer's expiry is not a date");
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken && { sessionToken }),
    ...(expiration && { expiresAt: expiration.getTime() }),
  };
}

/** An SDK provider's failure as ours, without the secrets that its message or request holds. */
export function sdkFailure(what: string, error: unknown, secrets: readonly string[] = []): BackupError {
  if (error instanceof BackupError) return error;
  const cause = redactedError(error, secrets);
  return new BackupError("CREDENTIALS_INVALID", `Cannot get credentials from ${what}: ${cause.message}`, {
    hint: "Nothing else is tried in its place; correct it, no restart is needed",
    cause,
  });
}

/** Options of the STS client that assumes roles. */
export interface StsOptions {
  readonly region: string;
  readonly endpoint: string;
  readonly requestHandler: {
    readonly httpsAgent: Agent;
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
  };
}

/**
 * All that the STS client would otherwise look up by itself in the process' environment and in the home
 * directory of the passwd file. It goes through the proxy that S3 goes through.
 */
export function stsOptions(
  config: CredentialsConfig,
  environment: Environment,
  profileRegion: string | undefined,
): StsOptions {
  const region =
    profileRegion || config.region || environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"] || "us-east-1";
  const endpoint = environment["AWS_ENDPOINT_URL_STS"] || environment["AWS_ENDPOINT_URL"] || publicEndpoint(region);
  const trust = isStoreToo(endpoint, config, environment) ? trustOf(config) : {};
  return {
    region,
    endpoint,
    requestHandler: {
      httpsAgent: new Agent({ ...trust, proxyEnv: proxyVariables(config.proxy, environment) ?? {} }),
      connectionTimeout: 5_000,
      requestTimeout: 20_000,
    },
  };
}

/** https://docs.aws.amazon.com/general/latest/gr/sts.html */
function publicEndpoint(region: string): string {
  return `https://sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

/** Whether the service that keeps the snapshots also assumes roles, as MinIO and RGW do. */
function isStoreToo(endpoint: string, config: CredentialsConfig, environment: Environment): boolean {
  const store = config.endpoint || environment["AWS_ENDPOINT_URL_S3"] || environment["AWS_ENDPOINT_URL"] || "";
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(store) ? store : `https://${store}`);
  return url !== null && url.host === URL.parse(endpoint)?.host;
}

/** What `s3.endpointCA` and `s3.skipTLSVerify` say of that service; the store has refused by now what is no certificate. */
function trustOf({ endpointCA, skipTLSVerify }: CredentialsConfig): AgentOptions {
  const decoded = Buffer.from(endpointCA, "base64").toString("utf8");
  const isFile = endpointCA !== "" && !decoded.includes("-----BEGIN CERTIFICATE-----");
  const ca = isFile ? readFileSync(endpointCA, "utf8") : decoded;
  return { rejectUnauthorized: !skipTLSVerify, ...(ca !== "" && { ca }) };
}
