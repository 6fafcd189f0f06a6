import type { EtcdConfig } from "../config/schema.ts";
import { BackupError } from "../errors.ts";

/** Where a member listens for clients. */
export interface Endpoint {
  /** With scheme and port: `https://10.0.0.1:2379`. */
  readonly url: string;
  /** A name or an address, without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
}

const DEFAULT_PORT = 2379;

/** The endpoints of a configuration. Throws `CONFIG_INVALID` when there is none or one is no endpoint. */
export function parseEndpoints({ endpoints, tls }: Pick<EtcdConfig, "endpoints" | "tls">): Endpoint[] {
  if (endpoints.length === 0) throw invalid("Cannot connect to etcd: etcd.endpoints is empty");
  const hasTls = Object.values(tls).some((value) => value !== "" && value !== false);
  return endpoints.map((endpoint) => parseEndpoint(endpoint.trim(), hasTls));
}

function parseEndpoint(text: string, hasTls: boolean): Endpoint {
  const match = /^(?:(https?):\/\/)?(?:\[([^\]]+)\]|([^:/[\]\s]+))(?::(\d{1,5}))?\/?$/i.exec(text);
  const port = Number(match?.[4] ?? DEFAULT_PORT);
  const host = match?.[2] ?? match?.[3];
  if (host === undefined || port > 65_535) throw invalid(`Cannot use etcd endpoint "${text}": it is no host and port`);
  const scheme = match?.[1]?.toLowerCase() ?? (hasTls ? "https" : "http");
  const url = `${scheme}://${match?.[2] ? `[${host}]` : host}:${port}`;
  return { url, host, port, isSecure: scheme === "https" };
}

function invalid(message: string): BackupError {
  return new BackupError("CONFIG_INVALID", message, {
    hint: 'Write etcd.endpoints as "127.0.0.1:2379" or "https://etcd-1.example.com:2379"',
  });
}
