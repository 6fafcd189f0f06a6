import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** `up` is from the client to the server, `down` is back. */
export type Direction = "up" | "down";

/** Which bytes a fault is about: of one direction or both, from now or after so many more of them. */
export interface LinkFault {
  readonly direction?: Direction;
  readonly afterBytes?: number;
}

/** One direction's rules and what went through so far, over all connections. */
class Lane {
  bytes = 0;
  bytesPerSecond = Number.POSITIVE_INFINITY;
  stallAt = Number.POSITIVE_INFINITY;
  severAt = Number.POSITIVE_INFINITY;
  #turn: Promise<unknown> = Promise.resolve();
  #resumed = Promise.withResolvers<void>();

  /** How many of `wanted` bytes may go now; 0 when the connection is to be cut. Waits while stalled or too fast. */
  async grant(wanted: number, closed: Promise<unknown>): Promise<number> {
    const turn = this.#turn.then(() => this.#grant(wanted, closed));
    this.#turn = turn;
    return await turn;
  }

  resume(): void {
    this.bytesPerSecond = Number.POSITIVE_INFINITY;
    this.stallAt = Number.POSITIVE_INFINITY;
    this.severAt = Number.POSITIVE_INFINITY;
    this.#resumed.resolve();
    this.#resumed = Promise.withResolvers();
  }

  async #grant(wanted: number, closed: Promise<unknown>): Promise<number> {
    while (this.bytes >= this.stallAt) {
      const gone = await Promise.race([this.#resumed.promise.then(() => false), closed.then(() => true)]);
      if (gone) return 0;
    }
    if (this.bytes >= this.severAt) {
      this.severAt = Number.POSITIVE_INFINITY;
      return 0;
    }
    const slice = Math.max(1, Math.floor(this.bytesPerSecond / 20));
    const granted = Math.min(wanted, slice, this.severAt - this.bytes, this.stallAt - this.bytes);
    this.bytes += granted;
    if (this.bytesPerSecond < Number.POSITIVE_INFINITY) {
      await Promise.race([delay((granted / this.bytesPerSecond) * 1000), this.#resumed.promise, closed]);
    }
    return granted;
  }
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  readonly closed: Promise<unknown>;
}

/** A TCP forwarder on 127.0.0.1 whose connections can be cut, stalled and slowed. */
export class FaultLink implements AsyncDisposable {
  readonly #lanes = { up: new Lane(), down: new Lane() };
  readonly #pairs = new Set<Pair>();
  readonly #server: Server;
  readonly #target: { host: string; port: number };
  #refusing = false;
  #accepted = 0;

  constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  /** Listens, and gives the port. */
  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  get connections(): { readonly open: number; readonly accepted: number } {
    return { open: this.#pairs.size, accepted: this.#accepted };
  }

  get bytes(): Readonly<Record<Direction, number>> {
    return { up: this.#lanes.up.bytes, down: this.#lanes.down.bytes };
  }

  sever({ direction = "down", afterBytes }: LinkFault = {}): void {
    if (afterBytes === undefined) for (const pair of this.#pairs) cut(pair);
    else this.#lanes[direction].severAt = this.#lanes[direction].bytes + afterBytes;
  }

  refuse(): void {
    this.#refusing = true;
  }

  stall({ direction, afterBytes = 0 }: LinkFault = {}): void {
    for (const lane of this.#select(direction)) lane.stallAt = lane.bytes + afterBytes;
  }

  slow(bytesPerSecond: number, direction?: Direction): void {
    for (const lane of this.#select(direction)) lane.bytesPerSecond = bytesPerSecond;
  }

  resume(): void {
    this.#refusing = false;
    for (const lane of this.#select()) lane.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.sever();
    await closed;
  }

  #select(direction?: Direction): Lane[] {
    return direction ? [this.#lanes[direction]] : [this.#lanes.up, this.#lanes.down];
  }

  #accept(client: Socket): void {
    this.#accepted++;
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const pair = { client, upstream, closed: Promise.race([whenClosed(client), whenClosed(upstream)]) };
    this.#pairs.add(pair);
    void pair.closed.then(() => {
      // A socket that is still sending its last bytes closes by itself; one that failed takes the other along.
      if (client.errored || upstream.errored) cut(pair);
    });
    void Promise.all([whenClosed(client), whenClosed(upstream)]).then(() => this.#pairs.delete(pair));
    this.#pump(pair, "up");
    this.#pump(pair, "down");
  }

  #pump(pair: Pair, direction: Direction): void {
    const [from, to] = direction === "up" ? [pair.client, pair.upstream] : [pair.upstream, pair.client];
    from.on("data", (chunk) => {
      from.pause();
      void this.#forward(pair, direction, Buffer.from(chunk)).then(() => from.resume());
    });
    from.on("end", () => to.end());
  }

  async #forward(pair: Pair, direction: Direction, chunk: Buffer): Promise<void> {
    const to = direction === "up" ? pair.upstream : pair.client;
    for (let rest = chunk; rest.length > 0; ) {
      const granted = await this.#lanes[direction].grant(rest.length, pair.closed);
      if (granted === 0) return cut(pair);
      if (!to.write(rest.subarray(0, granted))) await Promise.race([drained(to), pair.closed]);
      rest = rest.subarray(granted);
    }
  }
}

/** Ends both connections with a reset, as a failing network does. */
function cut({ client, upstream }: Pair): void {
  client.resetAndDestroy();
  upstream.destroy();
}

function whenClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on("error", () => undefined);
    socket.once("close", () => resolve());
  });
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("drain", resolve);
  });
}
