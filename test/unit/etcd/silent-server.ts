import { once } from "node:events";
import { createServer, type Socket } from "node:net";

/** Settings of HTTP/2 without any in them: all that a client waits for before its first call. */
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

export interface SilentServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Connections that came, and those that the client still has open, be it in one direction. */
  readonly accepted: number;
  readonly open: number;
  /** Bytes that came. */
  readonly received: number;
}

/**
 * A frozen etcd: it accepts connections, and says nothing, or with `settings` nothing more than those. It does not close
 * its side either when the client has closed its own.
 */
export async function startSilentServer(options: { readonly settings?: boolean } = {}): Promise<SilentServer> {
  const open = new Set<Socket>();
  let accepted = 0;
  let received = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted++;
    open.add(socket);
    socket.on("error", () => undefined).on("close", () => open.delete(socket));
    socket.on("data", ({ length }) => (received += length)).on("end", () => knock(socket));
    if (options.settings) socket.write(SETTINGS);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    host: `127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    get accepted() {
      return accepted;
    },
    get open() {
      return open.size;
    },
    get received() {
      return received;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** A client that only ended the connection takes what comes; one that destroyed the socket resets it. */
function knock(socket: Socket): void {
  const timer = setInterval(() => socket.write("\0"), 5);
  socket.on("close", () => clearInterval(timer));
}
