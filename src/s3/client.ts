import { AsyncLocalStorage } from "node:async_hooks";
import { S3Client } from "@aws-sdk/client-s3";
import type { Identity } from "../ports/credentials.ts";
import { createAgents } from "./agents.ts";
import type { Attempt } from "./attempt.ts";
import type { Bandwidth } from "./bandwidth.ts";
import type { Endpoint } from "./endpoint.ts";
import { HttpHandler } from "./http-handler.ts";
import type { S3StoreOptions } from "./options.ts";

/** The one client of a store, which lives through every rotation, and the context that each request runs in. */
export interface Wire {
  readonly client: S3Client;
  readonly attempts: AsyncLocalStorage<Attempt>;
  /** The region to sign for; replaced when the service names another. */
  region: string;
  destroy(): void;
}

export function createWire(options: S3StoreOptions, endpoint: Endpoint, bandwidth: Bandwidth): Wire {
  const attempts = new AsyncLocalStorage<Attempt>();
  const handler = new HttpHandler({
    agents: createAgents(options.config, options.environment),
    bandwidth,
    clock: options.clock,
    stallMs: options.config.stallTimeout,
    attempts,
  });
  const wire: Wire = {
    client: new S3Client({
      ...HERMETIC,
      ...(endpoint.url === undefined ? {} : { endpoint: endpoint.url }),
      forcePathStyle: endpoint.pathStyle,
      region: async () => wire.region,
      credentials: signingCredentials(attempts),
      requestHandler: handler,
      authSchemePreference: [],
    }),
    attempts,
    region: options.region,
    destroy: () => handler.destroy(),
  };
  sendPayloadHash(wire);
  return wire;
}

/**
 * Everything that the SDK would otherwise look up in the environment and in `~/.aws/config` of whatever home it
 * finds, and its own retries, which know neither our identities nor our back-off.
 */
const HERMETIC = {
  maxAttempts: 1,
  retryMode: "standard",
  defaultsMode: "standard",
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED",
  ignoreConfiguredEndpointUrls: true,
  useArnRegion: false,
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  disableS3ExpressSessionAuth: true,
  // A corrected signature would hide a wrong clock, by which ticks and locks are reckoned.
  disableClockSkewCorrection: true,
  expectContinueHeader: false,
  userAgentAppId: async () => undefined,
} as const;

/**
 * `memoized` keeps the SDK from caching a set without an expiry for ever. It asks more than once for one request,
 * so the answer comes from the attempt and not from the source.
 */
function signingCredentials(attempts: AsyncLocalStorage<Attempt>) {
  const provide = async () => toSdk(attempts.getStore()?.identity);
  return Object.assign(provide, { memoized: true });
}

function toSdk(identity: Identity | undefined) {
  if (identity === undefined) throw new Error("A request was made outside of an attempt");
  const { accessKeyId, secretAccessKey, sessionToken } = identity;
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** Hands the SDK the payload hash that was computed once for all attempts. */
function sendPayloadHash(wire: Wire): void {
  wire.client.middlewareStack.add(
    (next) => async (args) => {
      const hash = wire.attempts.getStore()?.payloadHash;
      if (hash !== undefined && hasHeaders(args.request)) args.request.headers["x-amz-content-sha256"] = hash;
      return await next(args);
    },
    { step: "build", name: "payloadHash" },
  );
}

function hasHeaders(request: unknown): request is { headers: Record<string, string> } {
  return typeof request === "object" && request !== null && "headers" in request;
}
