import { request } from "node:http";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { BackupError, messageOf } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Identity } from "../ports/credentials.ts";
import type { Environment } from "./layers.ts";
import type { Loader } from "./loader.ts";
import { RenewedSet } from "./renewed-set.ts";
import { sdkFailure, toIdentity } from "./sdk.ts";

const rolePath = "/latest/meta-data/iam/security-credentials/";
/** The service is one hop away: whatever is slower is not there. */
const answerMs = 1_000;

const Credentials = z.object({
  AccessKeyId: z.string(),
  SecretAccessKey: z.string(),
  Token: z.string(),
  Expiration: z.coerce.date(),
});

/** Whether the operator forbids asking for an instance role. */
export function instanceRoleDisabled(environment: Environment): boolean {
  return environment["AWS_EC2_METADATA_DISABLED"]?.toLowerCase() === "true";
}

/**
 * The layer of the machine's role, by version 2 of the metadata service only. The SDK's provider takes its
 * endpoint from the process' environment and from the home directory of the passwd file, falls back to
 * version 1, and stretches expired credentials in silence; hence this one.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 */
export function instanceLoader(environment: Environment, clock: Clock): Loader {
  let role = "";
  const set = new RenewedSet(async () => {
    try {
      const found = await fetchRole(endpointOf(environment));
      role = found.role;
      return found.identity;
    } catch (error) {
      throw sdkFailure("the instance role", error);
    }
  }, clock);
  return {
    load: async (urgency, signal) => ({
      ...(await set.get(urgency, signal)),
      layer: "instance",
      source: `instance role ${role}`,
    }),
  };
}

async function fetchRole(endpoint: URL): Promise<{ readonly role: string; readonly identity: Identity }> {
  const token = await ask(new URL("/latest/api/token", endpoint), "PUT", {
    "x-aws-ec2-metadata-token-ttl-seconds": "300",
  });
  const headers = { "x-aws-ec2-metadata-token": token };
  const role = (await ask(new URL(rolePath, endpoint), "GET", headers)).trim();
  const answer = await ask(new URL(`${rolePath}${role}`, endpoint), "GET", headers);
  const parsed = Credentials.safeParse(parseJson(answer));
  if (!parsed.success) throw new Error("the metadata service gave no credentials");
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = parsed.data;
  return {
    role,
    identity: toIdentity({
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: Token,
      expiration: Expiration,
    }),
  };
}

async function ask(url: URL, method: string, headers: Record<string, string>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  request(url, { method, headers, agent: false, signal: AbortSignal.timeout(answerMs) })
    .on("error", reject)
    .on("response", (response) => {
      if (response.statusCode === 200) text(response).then(resolve, reject);
      else {
        response.resume();
        reject(new Error(`the metadata service answers ${response.statusCode} to ${url.pathname}`));
      }
    })
    .end();
  return await promise.catch((error: unknown) => {
    const timedOut = error instanceof Error && error.name === "AbortError";
    throw timedOut ? new Error("the metadata service does not answer") : error;
  });
}

function endpointOf(environment: Environment): URL {
  const ipv6 = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]?.toLowerCase() === "ipv6";
  const standard = ipv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
  const endpoint = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] || standard;
  try {
    return new URL(endpoint);
  } catch (error) {
    throw new BackupError("CONFIG_INVALID", `Cannot use AWS_EC2_METADATA_SERVICE_ENDPOINT: ${messageOf(error)}`, {
      hint: "Set a URL such as http://169.254.169.254, or unset it",
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
