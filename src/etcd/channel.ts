import type { Socket } from "node:net";
import { connect } from "node:tls";
import { CallCredentials, Channel, ChannelCredentials, credentials } from "@grpc/grpc-js";
import type { Dialer } from "./session.ts";
import { tlsOptions } from "./tls-options.ts";

type SecureConnector = ReturnType<ChannelCredentials["_createSecureConnector"]>;

/** A channel of gRPC to one member, over the same TLS as the snapshot stream's. */
export function openChannel(dialer: Dialer): Channel {
  const { host, port, isSecure } = dialer.endpoint;
  const target = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return new Channel(target, isSecure ? new FileCredentials(dialer) : credentials.createInsecure(), {
    // HTTPS_PROXY is meant for S3: grpc-js would send etcd's calls through it as well.
    "grpc.enable_http_proxy": 0,
    "grpc.enable_retries": 0,
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5_000,
    "grpc.use_local_subchannel_pool": 1,
  });
}

/**
 * TLS from files that are read for each connection. grpc-js's own credentials are bytes that never change, cannot skip
 * the verification together with them, and send an address as the server's name, of which Node warns.
 */
class FileCredentials extends ChannelCredentials {
  readonly #dialer: Dialer;

  constructor(dialer: Dialer) {
    super();
    this.#dialer = dialer;
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(): SecureConnector {
    const ended = new AbortController();
    const callCredentials = CallCredentials.createEmpty();
    return {
      connect: async (socket) => ({ socket: await secure(socket, this.#dialer, ended.signal), secure: true }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy: () => ended.abort(),
    };
  }
}

async function secure(socket: Socket, { endpoint, tls, tlsFiles }: Dialer, signal: AbortSignal): Promise<Socket> {
  const context = await tlsFiles.load(signal);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const secured = connect({ socket, ...tlsOptions(endpoint, tls, context) });
  secured
    .once("secureConnect", resolve)
    .on("error", reject)
    .once("close", () => reject(new Error("the connection was closed")));
  await promise;
  return secured;
}
