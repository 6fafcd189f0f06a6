import { readFile } from "node:fs/promises";
import { fromHttp } from "@aws-sdk/credential-provider-http";
import { fromTokenFile } from "@aws-sdk/credential-provider-web-identity";
import { BackupError, messageOf } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Identity } from "../ports/credentials.ts";
import type { CredentialsConfig, Environment } from "./layers.ts";
import type { Loader } from "./loader.ts";
import { RenewedSet } from "./renewed-set.ts";
import { sdkFailure, stsOptions, toIdentity } from "./sdk.ts";

/** A role to assume with a token that something else keeps in a file. */
export interface WebIdentity {
  readonly tokenFile: string;
  readonly roleArn: string;
  readonly sessionName: string | undefined;
}

interface RemoteOptions {
  readonly config: CredentialsConfig;
  readonly environment: Environment;
  readonly clock: Clock;
}

/** The layer of `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`. */
export function webIdentityLoader({ config, environment, clock }: RemoteOptions): Loader {
  const tokenFile = environment["AWS_WEB_IDENTITY_TOKEN_FILE"] ?? "";
  const set = new RenewedSet(async () => {
    const roleArn = environment["AWS_ROLE_ARN"];
    if (!roleArn) {
      throw new BackupError("CREDENTIALS_INVALID", "Cannot use the web identity: AWS_ROLE_ARN is missing", {
        hint: "Set AWS_ROLE_ARN beside AWS_WEB_IDENTITY_TOKEN_FILE, or unset the latter",
      });
    }
    const sessionName = environment["AWS_ROLE_SESSION_NAME"];
    return await assumeWithToken({ tokenFile, roleArn, sessionName }, stsOptions(config, environment, undefined));
  }, clock);
  return {
    load: async (urgency, signal) => ({
      ...(await set.get(urgency, signal)),
      layer: "webIdentity",
      source: tokenFile,
    }),
  };
}

/** Asks STS for the role's credentials; the token is read for each request, since it is short-lived. */
export async function assumeWithToken(
  { tokenFile, roleArn, sessionName }: WebIdentity,
  clientConfig: ReturnType<typeof stsOptions>,
): Promise<Identity> {
  const token = await readToken(tokenFile);
  try {
    const roleSessionName = sessionName || "etcd-ark";
    const provider = fromTokenFile({ webIdentityTokenFile: tokenFile, roleArn, roleSessionName, clientConfig });
    return toIdentity(await provider());
  } catch (error) {
    throw sdkFailure(`the web identity of "${tokenFile}"`, error, [token]);
  }
}

/** The layer of a container's credentials endpoint: ECS, EKS Pod Identity, Greengrass. */
export function containerLoader({ environment, clock }: RemoteOptions): Loader {
  const relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] ?? "";
  const full = relative ? "" : (environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] ?? "");
  const tokenFile = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] ?? "";
  const token = tokenFile ? "" : (environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] ?? "");
  const source = `container endpoint ${relative || full}`;
  const set = new RenewedSet(async () => {
    const secret = tokenFile ? await readToken(tokenFile) : token;
    try {
      // Empty text rather than nothing: the provider takes what is missing from the process' environment.
      const provider = fromHttp({
        awsContainerCredentialsRelativeUri: relative,
        awsContainerCredentialsFullUri: full,
        awsContainerAuthorizationTokenFile: tokenFile,
        awsContainerAuthorizationToken: token,
        maxRetries: 1,
      });
      return toIdentity(await provider());
    } catch (error) {
      throw sdkFailure(source, error, [secret]);
    }
  }, clock);
  return {
    load: async (urgency, signal) => ({ ...(await set.get(urgency, signal)), layer: "container", source }),
  };
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    throw new BackupError("CREDENTIALS_INVALID", `Cannot read token file "${path}": ${messageOf(error)}`, {
      hint: "Check that the token is mounted where the environment says",
    });
  }
}
