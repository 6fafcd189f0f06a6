import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { EtcdConfig } from "../config/schema.ts";
import { BackupError, messageOf } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { EtcdProbe, MemberStatus } from "../ports/etcd-probe.ts";
import { toCandidate } from "./candidates.ts";
import { parseEndpoints } from "./endpoint.ts";
import { MemberClient } from "./member-client.ts";
import { TlsFiles } from "./tls-files.ts";

export interface EtcdProbeOptions {
  readonly config: EtcdConfig;
  readonly clock: Clock;
}

/** Speaks to each configured endpoint of etcd. Throws `CONFIG_INVALID`; connects only when it is used. */
export function createEtcdProbe({ config, clock }: EtcdProbeOptions): EtcdProbe {
  const { tls, auth } = config;
  const tlsFiles = new TlsFiles({ tls, clock });
  const clients = parseEndpoints(config).map((endpoint) => new MemberClient({ endpoint, tls, tlsFiles, clock, auth }));
  return new Probe(config, clients);
}

class Probe implements EtcdProbe {
  readonly #config: EtcdConfig;
  readonly #clients: ReadonlyMap<string, MemberClient>;

  constructor(config: EtcdConfig, clients: readonly MemberClient[]) {
    this.#config = config;
    this.#clients = new Map(clients.map((client) => [client.url, client]));
  }

  get endpoints(): readonly string[] {
    return [...this.#clients.keys()];
  }

  get username(): string {
    return this.#config.auth.username;
  }

  async status(endpoint: string, signal: AbortSignal): Promise<MemberStatus> {
    return toCandidate(endpoint, await this.#client(endpoint).status(signal));
  }

  async confirm(endpoint: string, signal: AbortSignal): Promise<void> {
    await this.#client(endpoint).confirm(signal);
  }

  async roles(endpoint: string, signal: AbortSignal): Promise<readonly string[]> {
    return await this.#client(endpoint).roles(signal);
  }

  async certificate(signal: AbortSignal): ReturnType<EtcdProbe["certificate"]> {
    const path = this.#config.tls.certFile;
    if (path === "") return undefined;
    try {
      const { validTo } = new X509Certificate(await readFile(path, { signal }));
      return { path, notAfter: Date.parse(validTo) };
    } catch (cause) {
      signal.throwIfAborted();
      throw new BackupError("ETCD_UNAVAILABLE", `Cannot read the certificate "${path}": ${messageOf(cause)}`, {
        hint: "Check etcd.tls.certFile, and that this user may read it",
        cause,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients.values()) client[Symbol.dispose]();
  }

  #client(endpoint: string): MemberClient {
    const client = this.#clients.get(endpoint);
    if (client === undefined) throw new Error(`Cannot speak to "${endpoint}": it is not in etcd.endpoints`);
    return client;
  }
}
