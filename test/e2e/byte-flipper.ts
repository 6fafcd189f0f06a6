import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A relay in front of a server, which changes one bit of what comes back. */
export interface ByteFlipper extends AsyncDisposable {
  readonly url: string;
  /** How many bits were changed so far: none until `arm`. */
  readonly flipped: number;
  /** Changes the next `times` occurrences of the marker, at most one in each connection. */
  arm(times: number): void;
}

/** Starts a relay on 127.0.0.1 in front of `target`, which strikes where the server sends `marker`. */
export async function startByteFlipper(target: string, marker: string): Promise<ByteFlipper> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const state = { flipped: 0, left: 0 };
  const server = createServer((client) => {
    const upstream = connect({ host: hostname, port: Number(port) });
    let struck = false;
    upstream.on("data", (chunk: Buffer) => {
      const at = struck || state.left === 0 ? -1 : chunk.indexOf(marker);
      if (at >= 0) {
        chunk.writeUInt8(chunk.readUInt8(at) ^ 1, at);
        struck = true;
        state.flipped += 1;
        state.left -= 1;
      }
      if (!client.write(chunk)) upstream.pause();
    });
    client.on("drain", () => upstream.resume());
    client.pipe(upstream);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on("error", () => undefined)
        .on("close", () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    get flipped() {
      return state.flipped;
    },
    arm: (times) => {
      state.left = times;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
