import type { Socket } from "node:net";
import { connect } from "node:tls";
import { CallCredentials, Channel, ChannelCredentials } from "@grpc/grpc-js";
import type { Dialer } from "./session.ts";
import { tlsOptions } from "./tls-options.ts";

type SecureConnector = ReturnType<ChannelCredentials["_createSecureConnector"]>;

/** A channel of gRPC's, and its end. */
export interface MemberChannel {
  readonly channel: Channel;
  /** Ends every connection of the channel at once, and the calls on it. */
  close(): void;
}

/** A channel of gRPC to one member, over the same TLS as the snapshot stream's. */
export function openChannel(dialer: Dialer): MemberChannel {
  const { host, port } = dialer.endpoint;
  const target = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const closed = new AbortController();
  const channel = new Channel(target, new FileCredentials(dialer, closed.signal), {
    // HTTPS_PROXY is meant for S3: grpc-js would send etcd's calls through it as well.
    "grpc.enable_http_proxy": 0,
    "grpc.enable_retries": 0,
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5_000,
    "grpc.use_local_subchannel_pool": 1,
  });
  const close = (): void => {
    channel.close();
    closed.abort();
  };
  return { channel, close };
}

/**
 * TLS from files that are read for each connection. grpc-js's own credentials are bytes that never change, cannot skip
 * the verification together with them, and send an address as the server's name, of which Node warns.
 *
 * The sockets end with the channel, those without TLS too: grpc-js forgets one on which the handshake is not over, and
 * lets one that is open wait for the other side to close it. A frozen etcd does neither.
 */
class FileCredentials extends ChannelCredentials {
  readonly #dialer: Dialer;
  readonly #closed: AbortSignal;

  constructor(dialer: Dialer, closed: AbortSignal) {
    super();
    this.#dialer = dialer;
    this.#closed = closed;
  }

  override _isSecure(): boolean {
    return this.#dialer.endpoint.isSecure;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(): SecureConnector {
    const callCredentials = CallCredentials.createEmpty();
    return {
      connect: async (socket) => {
        destroyOnAbort(socket, this.#closed);
        if (!this._isSecure()) return { socket, secure: false };
        return { socket: await secure(socket, this.#dialer, this.#closed), secure: true };
      },
      // A closed channel may begin to connect once more: etcd3 waits for one that was not ready to become so.
      waitForReady: async () => this.#closed.throwIfAborted(),
      getCallCredentials: () => callCredentials,
      // Calls may still be under way on what was connected.
      destroy: () => undefined,
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

function destroyOnAbort(socket: Socket, signal: AbortSignal): void {
  const destroy = (): void => void socket.destroy();
  if (signal.aborted) destroy();
  signal.addEventListener("abort", destroy, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", destroy));
}
