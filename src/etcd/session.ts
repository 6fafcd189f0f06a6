import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { withDeadline } from "../async/deadline.ts";
import type { Clock } from "../ports/clock.ts";
import { abortable } from "./abortable.ts";
import { connectionError, noAnswer } from "./connection-errors.ts";
import type { Endpoint } from "./endpoint.ts";
import type { TlsFiles } from "./tls-files.ts";
import { tlsOptions } from "./tls-options.ts";

/** What it takes to reach a member. */
export interface Dialer {
  readonly endpoint: Endpoint;
  readonly tls: { readonly serverName: string; readonly skipVerify: boolean };
  readonly tlsFiles: TlsFiles;
  readonly clock: Clock;
}

/** Bytes that etcd may send ahead. More brings nothing; the default of 64 KiB waits for each round trip. */
const WINDOW_SIZE = 2 ** 20;
const DIAL_TIMEOUT_MS = 10_000;

/**
 * Opens a session of HTTP/2. It resolves when the member has sent its settings: in TLS 1.3 it may refuse our
 * certificate long after the handshake is over for us. Errors after that are emitted as `close`.
 */
export async function openSession(dialer: Dialer, signal: AbortSignal): Promise<ClientHttp2Session> {
  const { clock, endpoint } = dialer;
  const deadline = { clock, ms: DIAL_TIMEOUT_MS, error: () => noAnswer(endpoint, DIAL_TIMEOUT_MS) };
  return await withDeadline(deadline, (either) => dial(dialer, either), signal);
}

async function dial(dialer: Dialer, signal: AbortSignal): Promise<ClientHttp2Session> {
  const socket = await openSocket(dialer, signal);
  const session = connect(dialer.endpoint.url, {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: WINDOW_SIZE },
  });
  try {
    await abortable(settled(session, socket), signal);
  } catch (error) {
    session.destroy();
    socket.destroy();
    signal.throwIfAborted();
    throw connectionError(dialer.endpoint, error);
  }
  // The option above is the window of each stream only; the session's own stays 64 KiB without this.
  session.setLocalWindowSize(WINDOW_SIZE);
  return session;
}

async function openSocket({ endpoint, tls, tlsFiles }: Dialer, signal: AbortSignal): Promise<Socket> {
  const { host, port } = endpoint;
  if (!endpoint.isSecure) return connectTcp({ host, port });
  const context = await tlsFiles.load(signal);
  return connectTls({ host, port, ...tlsOptions(endpoint, tls, context) });
}

/** The socket's own error says more than what the session makes of it. */
async function settled(session: ClientHttp2Session, socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.on("error", reject);
  session.on("error", (error) => setImmediate(reject, error));
  session.on("close", () => setImmediate(reject, new Error("the connection was closed")));
  session.on("remoteSettings", () => resolve());
  await promise;
}
