import type { KeyPair } from "./certificates.ts";
import { FaultHttp, type HttpFault, type InjectedFault } from "./fault-http.ts";
import { type Direction, FaultLink, type LinkFault } from "./fault-link.ts";
import type { SeenRequest } from "./s3-request.ts";

/** How to stand in front of a server. */
export interface FaultProxyOptions {
  /** Understands HTTP/1.1, for `inject` and `requests`; the target must speak plain http. */
  readonly http?: boolean;
  /** Offers https of its own in front of a plain target; implies `http`. */
  readonly tls?: KeyPair;
}

/** A proxy in front of a server. Faults of the link hold until `resume`, those of requests as often as they say. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** "host:port", as a client connects. */
  readonly host: string;
  /** The target's URL with the proxy's port; without a scheme, if the target came without one. */
  readonly url: string;
  readonly connections: { readonly open: number; readonly accepted: number };
  /** What went through so far. */
  readonly bytes: Readonly<Record<Direction, number>>;
  /** In order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** Resets every connection now, or after `afterBytes` more bytes the one that carries the next byte. */
  sever(fault?: LinkFault): void;
  /** Resets new connections. */
  refuse(): void;
  /** Keeps connections open but forwards nothing. */
  stall(fault?: LinkFault): void;
  /** Caps the rate of all connections together. */
  slow(bytesPerSecond: number, direction?: Direction): void;
  /** Ends all faults of the link. */
  resume(): void;
  /** Has the next matching requests fail. */
  inject(fault: HttpFault): InjectedFault;
}

/** Starts a proxy on 127.0.0.1 in front of "host:port" or a URL. */
export async function startFaultProxy(target: string | URL, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const address = parseTarget(String(target));
  const http = options.http || options.tls ? new FaultHttp(address, options.tls) : undefined;
  const link = new FaultLink(http ? { host: "127.0.0.1", port: await http.listen() } : address);
  const port = await link.listen();
  const scheme = options.tls ? "https://" : address.scheme;
  const host = `${options.tls ? "localhost" : address.host}:${port}`;
  return {
    port,
    host,
    url: `${scheme}${host}`,
    get connections() {
      return link.connections;
    },
    get bytes() {
      return link.bytes;
    },
    requests: http?.requests ?? [],
    sever: (fault) => link.sever(fault),
    refuse: () => link.refuse(),
    stall: (fault) => link.stall(fault),
    slow: (bytesPerSecond, direction) => link.slow(bytesPerSecond, direction),
    resume: () => link.resume(),
    inject(fault) {
      if (!http) throw new Error("inject() needs a proxy that was started with { http: true }");
      return http.inject(fault);
    },
    async [Symbol.asyncDispose]() {
      await link[Symbol.asyncDispose]();
      await http?.[Symbol.asyncDispose]();
    },
  };
}

function parseTarget(target: string): { scheme: string; host: string; port: number } {
  const [, scheme = "", host = "", port] = /^(https?:\/\/)?([^/:]+):(\d+)\/?$/.exec(target) ?? [];
  if (!port || !/^(127\.0\.0\.1|localhost)$/.test(host)) {
    throw new Error(`startFaultProxy() takes "host:port" or a URL with a port, on loopback, not "${target}"`);
  }
  return { scheme, host, port: Number(port) };
}
