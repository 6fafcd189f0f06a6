import { readFileSync } from "node:fs";
import { type ClientRequestArgs, Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Duplex } from "node:stream";
import { proxyVariables } from "../config/proxy.ts";
import type { S3Config } from "../config/schema.ts";
import { BackupError, messageOf } from "../errors.ts";

/** Pools of kept-alive connections. */
export interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

/** Beside a request's options: aborts when the request is given up before it has a connection. */
export interface Unconnected {
  readonly unconnected: AbortSignal;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Rejects with `CONFIG_INVALID` when the CA cannot be read, or a proxy not be used. */
export function createAgents(config: S3Config, environment: Environment): Agents {
  const proxyEnv = proxyVariables(config.proxy, environment);
  const shared = {
    keepAlive: true,
    maxSockets: config.concurrency + 4,
    ...(proxyEnv === undefined ? {} : { proxyEnv }),
  };
  return {
    http: new HttpAgent(shared),
    https: new TunnelAgent({
      ...shared,
      rejectUnauthorized: !config.skipTLSVerify,
      ...(config.endpointCA === "" ? {} : { ca: readCa(config.endpointCA) }),
    }),
  };
}

/**
 * Node keeps a connection to itself until the proxy on it has answered: neither the request's end nor the agent's
 * would close it (`createConnection` in its lib/https.js).
 */
class TunnelAgent extends HttpsAgent {
  override createConnection(
    options: ClientRequestArgs & Partial<Unconnected>,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): Duplex | null | undefined {
    const socket = super.createConnection(options, callback);
    options.unconnected?.addEventListener("abort", () => socket?.destroy(), { once: true });
    return socket;
  }
}

/** PEM from `s3.endpointCA`: base64 of it, as k3s takes it, or a file. */
export function readCa(endpointCa: string): string {
  const decoded = Buffer.from(endpointCa, "base64").toString("utf8");
  if (decoded.includes("-----BEGIN CERTIFICATE-----")) return decoded;
  const pem = readCaFile(endpointCa);
  if (pem.includes("-----BEGIN CERTIFICATE-----")) return pem;
  throw new BackupError("CONFIG_INVALID", `Cannot use s3.endpointCA "${endpointCa}": it holds no PEM certificate`, {
    hint: "Set s3.endpointCA to a PEM file, or to the base64 of one",
  });
}

function readCaFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new BackupError("CONFIG_INVALID", `Cannot read s3.endpointCA: ${messageOf(cause)}`, {
      hint: "Set s3.endpointCA to a readable PEM file, or to the base64 of one",
      cause,
    });
  }
}
