import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

interface PeerConnection {
  /** The id of the member that dialled, once one of its requests told. */
  from: string | undefined;
  readonly to: string;
  readonly sockets: readonly Socket[];
}

/**
 * The network between members, so that one can be cut off from the others while clients still reach it. Each member
 * advertises a forwarder instead of itself. Who dials is read from the header `X-Server-From` that etcd's rafthttp
 * sends with each raft request; connections are reused for probes, which lack it, so each chunk is looked at.
 */
export class PeerNetwork implements AsyncDisposable {
  readonly #isolated = new Set<string>();
  readonly #connections = new Set<PeerConnection>();
  readonly #servers: Server[] = [];
  readonly #names = new Map<string, string>();

  /** Forwards a fresh port to the member's peer port, and gives it. */
  async forward(name: string, peerPort: number): Promise<number> {
    const server = createServer((socket) => this.#accept(socket, name, peerPort));
    this.#servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  /** Tells the hexadecimal id of a member, by which its requests are known. */
  identify(id: string, name: string): void {
    this.#names.set(id, name);
  }

  isolate(name: string): void {
    if (this.#servers.length === 0) throw new Error("isolate() needs a cluster of three members");
    this.#isolated.add(name);
    for (const connection of this.#connections) if (this.#isCut(connection)) end(connection);
  }

  rejoin(name: string): void {
    this.#isolated.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#servers.map((server) => once(server.close(), "close"));
    for (const connection of this.#connections) end(connection);
    await Promise.all(closed);
  }

  #accept(socket: Socket, to: string, peerPort: number): void {
    const upstream = connect({ host: "127.0.0.1", port: peerPort, noDelay: true });
    const connection: PeerConnection = { from: undefined, to, sockets: [socket, upstream] };
    this.#connections.add(connection);
    for (const part of connection.sockets) {
      part.on("error", () => end(connection));
      part.on("close", () => {
        end(connection);
        this.#connections.delete(connection);
      });
    }
    socket.on("data", (chunk) => {
      const [, id] = /X-Server-From: ([0-9a-f]+)/.exec(chunk.toString("latin1")) ?? [];
      if (id) connection.from = id;
      if (this.#isCut(connection)) end(connection);
    });
    socket.pipe(upstream);
    upstream.pipe(socket);
    if (this.#isCut(connection)) end(connection);
  }

  #isCut({ from, to }: PeerConnection): boolean {
    return this.#isolated.has(to) || this.#isolated.has(this.#names.get(from ?? "") ?? "");
  }
}

function end({ sockets }: PeerConnection): void {
  for (const socket of sockets) socket.destroy();
}
