import { once } from "node:events";
import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { KeyPair } from "./certificates.ts";
import { readS3Request, type SeenRequest } from "./s3-request.ts";

/** Which requests a fault is for; all of the given conditions hold. */
export interface RequestMatch {
  /** S3's name, such as "UploadPart". */
  readonly operation?: string;
  readonly method?: string;
  readonly path?: RegExp;
  readonly query?: RegExp;
  readonly when?: (request: SeenRequest) => boolean;
}

/** What happens to a request. Offsets count bytes of a body. */
export type HttpAction =
  /** Reads the request and answers it itself, with S3's error XML for `code` or else `body`. */
  | {
      readonly answer: number;
      readonly code?: string;
      readonly body?: string;
      readonly headers?: Record<string, string>;
    }
  /** Resets the connection: before the service sees the request, or after it has acted on it. */
  | { readonly drop: "before" | "after" }
  /** Keeps the request back until then. */
  | { readonly hold: Promise<unknown> }
  | { readonly flipRequestByte: number }
  | { readonly flipResponseByte: number }
  /** Ends the connection after so many bytes of the response's body. */
  | { readonly cutResponseAfter: number }
  | { readonly alterResponse: (body: Buffer) => Buffer | string };

/** A fault and how many matching requests it strikes (default 1). The oldest one that matches takes a request. */
export interface HttpFault {
  readonly match?: RequestMatch;
  readonly times?: number;
  readonly do: HttpAction;
}

/** An injected fault. */
export interface InjectedFault {
  /** How many requests it struck. */
  readonly struck: number;
  remove(): void;
}

interface ActiveFault {
  readonly fault: HttpFault;
  left: number;
  struck: number;
}

/** An HTTP/1.1 forwarder that keeps a log of requests and can fail each. */
export class FaultHttp implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  readonly #faults = new Set<ActiveFault>();
  readonly #agent = new Agent();
  readonly #sockets = new Set<Duplex>();
  readonly #server: Server;
  readonly #target: { host: string; port: number };

  constructor(target: { host: string; port: number }, tls?: KeyPair) {
    this.#target = target;
    const listener = (incoming: IncomingMessage, response: ServerResponse) => void this.#serve(incoming, response);
    this.#server = tls ? createTlsServer(tls, listener) : createServer(listener);
    this.#server.requestTimeout = 0;
    this.#server.keepAliveTimeout = 0;
    this.#server.on("connection", (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  inject(fault: HttpFault): InjectedFault {
    const active = { fault, left: fault.times ?? 1, struck: 0 };
    this.#faults.add(active);
    return {
      get struck() {
        return active.struck;
      },
      remove: () => void this.#faults.delete(active),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    await closed;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = readS3Request(incoming.method ?? "", incoming.url ?? "", incoming.headers);
    this.requests.push(seen);
    incoming.on("data", (chunk: Buffer) => {
      seen.bodyBytes += chunk.length;
    });
    incoming.pause();
    // Taken now: a request that failed has none any more, though its connection is open.
    const { socket } = incoming;
    response.on("finish", () => {
      seen.status = response.statusCode;
    });
    try {
      await this.#act({ seen, incoming, response }, this.#take(seen));
    } catch {
      socket.destroy();
    }
  }

  #take(seen: SeenRequest): HttpAction | undefined {
    for (const active of this.#faults) {
      if (!matches(seen, active.fault.match ?? {})) continue;
      active.struck++;
      if (--active.left <= 0) this.#faults.delete(active);
      return active.fault.do;
    }
    return undefined;
  }

  async #act(exchange: Exchange, action: HttpAction | undefined): Promise<void> {
    const { incoming, response } = exchange;
    if (action === undefined) return this.#relay(exchange);
    if ("answer" in action) return answer(exchange, action);
    if ("drop" in action && action.drop === "before") return reset(incoming);
    if ("hold" in action) {
      await action.hold;
      return this.#relay(exchange);
    }
    if ("flipRequestByte" in action) return this.#relay(exchange, flip(action.flipRequestByte));
    const answered = await this.#forward(exchange);
    if ("drop" in action) {
      await buffer(answered);
      return reset(incoming);
    }
    if ("alterResponse" in action) {
      const body = Buffer.from(action.alterResponse(await buffer(answered)));
      writeHead(response, answered, { "content-length": String(body.length) });
      response.end(body);
      return;
    }
    writeHead(response, answered);
    if ("flipResponseByte" in action) return pipeline(answered, flip(action.flipResponseByte), response);
    let left = action.cutResponseAfter;
    for await (const chunk of answered) {
      const bytes = Buffer.from(chunk).subarray(0, left);
      left -= bytes.length;
      await new Promise<void>((resolve) => response.write(bytes, () => resolve()));
      if (left <= 0) break;
    }
    incoming.socket.end();
  }

  async #relay(exchange: Exchange, change?: ByteTransform): Promise<void> {
    const answered = await this.#forward(exchange, change);
    // As RGW does: what the service did not read of the request would stand in the next one's way.
    if (!exchange.incoming.complete) exchange.response.shouldKeepAlive = false;
    writeHead(exchange.response, answered);
    await pipeline(answered, exchange.response);
  }

  /** Sends the request on as it came: its headers are signed. */
  async #forward({ incoming }: Exchange, change: ByteTransform = unchanged): Promise<IncomingMessage> {
    const upstream = request({
      ...this.#target,
      method: incoming.method,
      path: incoming.url,
      headers: forwarded(incoming.rawHeaders),
      agent: this.#agent,
      setHost: false,
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      upstream.once("response", resolve).on("error", reject);
    });
    // A service may answer and close before it has read all.
    await Promise.race([send(incoming, change, upstream), answered]);
    return await answered;
  }
}

interface Exchange {
  readonly seen: SeenRequest;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
}

type ByteTransform = (chunks: AsyncIterable<Buffer>) => AsyncGenerator<Buffer>;

async function* unchanged(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
}

/** Unlike a pipeline it leaves the client's connection alone when the service hears no more: the answer goes there. */
async function send(incoming: IncomingMessage, change: ByteTransform, upstream: ClientRequest): Promise<void> {
  for await (const chunk of change(incoming.iterator({ destroyOnReturn: false }))) {
    if (!upstream.write(chunk)) await once(upstream, "drain");
  }
  upstream.end();
}

/** Changes one bit of the byte at `offset`. */
function flip(offset: number): ByteTransform {
  return async function* flipped(chunks) {
    let start = 0;
    for await (const chunk of chunks) {
      const bytes = Buffer.from(chunk);
      const index = offset - start;
      const byte = bytes[index];
      if (byte !== undefined) bytes[index] = byte ^ 1;
      start += bytes.length;
      yield bytes;
    }
  };
}

function matches(seen: SeenRequest, match: RequestMatch): boolean {
  return (
    (match.operation === undefined || match.operation === seen.operation) &&
    (match.method === undefined || match.method === seen.method) &&
    (match.path === undefined || match.path.test(seen.path)) &&
    (match.query === undefined || match.query.test(seen.query)) &&
    (match.when === undefined || match.when(seen))
  );
}

const hopByHop = new Set(["connection", "keep-alive", "expect", "proxy-connection"]);

function forwarded(raw: readonly string[], without: readonly string[] = []): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name = "", value = ""] = raw.slice(index, index + 2);
    if (!hopByHop.has(name.toLowerCase()) && !without.includes(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

function writeHead(response: ServerResponse, answered: IncomingMessage, headers: Record<string, string> = {}): void {
  const kept = forwarded(answered.rawHeaders, Object.keys(headers));
  response.writeHead(answered.statusCode ?? 502, [...kept, ...Object.entries(headers).flat()]);
}

/** Ends the client's connection with a reset. */
function reset(incoming: IncomingMessage): void {
  incoming.socket.resetAndDestroy();
}

async function answer(
  { seen, incoming, response }: Exchange,
  action: Extract<HttpAction, { answer: number }>,
): Promise<void> {
  await buffer(incoming);
  const body = action.body ?? (action.code ? errorXml(action.code, seen.path) : "");
  response.writeHead(action.answer, {
    "content-type": "application/xml",
    "content-length": Buffer.byteLength(body),
    "x-amz-request-id": "FAULT",
    ...action.headers,
  });
  response.end(seen.method === "HEAD" ? "" : body);
}

/** As in "Error responses" of the S3 API reference. */
function errorXml(code: string, path: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code} by the fault proxy</Message><Resource>${encodeURI(path)}</Resource><RequestId>FAULT</RequestId></Error>`;
}
