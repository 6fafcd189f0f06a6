import type { AsyncLocalStorage } from "node:async_hooks";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { Clock } from "../ports/clock.ts";
import type { Agents, Unconnected } from "./agents.ts";
import type { Attempt } from "./attempt.ts";
import type { Bandwidth } from "./bandwidth.ts";
import { watchProgress } from "./stall.ts";

const SLICE_BYTES = 128 * 1024;

/** The parts of the SDK's HttpRequest that are used here. */
interface WireRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface WireResponse {
  readonly statusCode: number;
  readonly reason: string;
  readonly headers: Record<string, string>;
  readonly body: IncomingMessage;
}

export interface HttpHandlerOptions {
  readonly agents: Agents;
  readonly bandwidth: Bandwidth;
  readonly clock: Clock;
  readonly stallMs: number;
  readonly attempts: AsyncLocalStorage<Attempt>;
}

/**
 * The SDK's way to the network. Unlike its own handler it sends a body in slices, which tells a slow upload from
 * a stalled one, keeps TLS from encrypting a whole part at once, and is where the bandwidth cap applies.
 */
export class HttpHandler {
  readonly metadata = { handlerProtocol: "http/1.1" } as const;
  readonly #options: HttpHandlerOptions;

  constructor(options: HttpHandlerOptions) {
    this.#options = options;
  }

  async handle(request: WireRequest, options: { abortSignal?: unknown } = {}): Promise<{ response: WireResponse }> {
    const abortSignal = options.abortSignal instanceof AbortSignal ? options.abortSignal : undefined;
    abortSignal?.throwIfAborted();
    const attempt = this.#options.attempts.getStore();
    const unconnected = new AbortController();
    const outgoing = this.#open(request, unconnected.signal);
    const exchange = new Exchange({ outgoing, unconnected }, bodyOf(request), this.#options);
    const onAbort = (): void => exchange.destroy(toError(abortSignal?.reason));
    abortSignal?.addEventListener("abort", onAbort, { once: true });
    exchange.whenOver(() => abortSignal?.removeEventListener("abort", onAbort));
    const response = toResponse(await exchange.response());
    if (attempt) attempt.answer = { status: response.statusCode, headers: response.headers };
    return { response };
  }

  destroy(): void {
    this.#options.agents.http.destroy();
    this.#options.agents.https.destroy();
  }

  /** Part of the SDK's interface; there is nothing to change. */
  updateHttpClientConfig(): void {}

  /** Part of the SDK's interface. */
  httpHandlerConfigs(): Record<string, never> {
    return {};
  }

  #open(request: WireRequest, unconnected: AbortSignal): ClientRequest {
    const isTls = request.protocol === "https:";
    const options: RequestOptions & Unconnected = {
      agent: isTls ? this.#options.agents.https : this.#options.agents.http,
      host: request.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: request.port,
      method: request.method,
      path: request.path + queryOf(request.query ?? {}),
      headers: request.headers,
      unconnected,
    };
    return isTls ? httpsRequest(options) : httpRequest(options);
  }
}

interface Outgoing {
  readonly outgoing: ClientRequest;
  /** Closes the connection that the request has not got yet. */
  readonly unconnected: AbortController;
}

/** One request and its response on the wire, watched for progress until both are over. */
class Exchange {
  readonly #outgoing: ClientRequest;
  readonly #unconnected: AbortController;
  readonly #body: Buffer;
  readonly #options: HttpHandlerOptions;
  readonly #over = new AbortController();
  readonly #head = Promise.withResolvers<IncomingMessage>();
  #incoming: IncomingMessage | undefined;
  #steps = 0;

  constructor({ outgoing, unconnected }: Outgoing, body: Buffer, options: HttpHandlerOptions) {
    this.#outgoing = outgoing;
    this.#unconnected = unconnected;
    this.#body = body;
    this.#options = options;
    outgoing.once("response", this.#head.resolve);
    outgoing.on("error", this.#head.reject);
    outgoing.once("close", () => this.#end(new Error("the connection was closed without an answer")));
  }

  /** Sends the body and resolves with the head of the response. */
  async response(): Promise<IncomingMessage> {
    this.#watch();
    this.#send().catch((error: unknown) => this.destroy(toError(error)));
    this.#incoming = await this.#head.promise;
    this.#endEarly(this.#incoming);
    return this.#incoming;
  }

  destroy(error: Error): void {
    this.#incoming?.destroy(error);
    this.#outgoing.destroy(error);
    // A request that waits for a connection, as behind a proxy that does not answer, tells of its end to nobody.
    if (this.#outgoing.socket) return;
    this.#end(error);
    this.#unconnected.abort();
  }

  whenOver(listener: () => void): void {
    this.#over.signal.addEventListener("abort", listener, { once: true });
  }

  #end(error: Error): void {
    this.#head.reject(error);
    this.#over.abort();
  }

  #watch(): void {
    const { clock, stallMs } = this.#options;
    watchProgress(
      { clock, stallMs, onStall: (error) => this.destroy(error) },
      () => this.#progress(),
      this.#over.signal,
    ).catch((error: unknown) => this.destroy(toError(error)));
  }

  /** Grows whenever a byte moved. A reader who does not fetch what has arrived is not the service's stall. */
  #progress(): number {
    if ((this.#incoming?.readableLength ?? 0) > 0) this.#steps++;
    return this.#steps + (this.#outgoing.socket?.bytesRead ?? 0);
  }

  async #send(): Promise<void> {
    const { bandwidth } = this.#options;
    const step = bandwidth.sliceOf(SLICE_BYTES);
    for (let offset = 0; offset < this.#body.length && !this.#over.signal.aborted; offset += step) {
      if (this.#incoming !== undefined) return;
      const slice = this.#body.subarray(offset, offset + step);
      await bandwidth.take(slice.length, this.#over.signal).catch(() => undefined);
      await new Promise<void>((resolve) => this.#outgoing.write(slice, () => resolve()));
      this.#steps++;
    }
    this.#outgoing.end();
  }

  /** A service that refuses a part need not hear the rest of it; such a connection cannot be used again. */
  #endEarly(incoming: IncomingMessage): void {
    incoming.once("end", () => {
      if (!this.#outgoing.writableFinished) this.#outgoing.destroy();
    });
  }
}

function bodyOf({ body }: WireRequest): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body === "string") return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  throw new TypeError("Cannot send a body that is no buffer: it could not be sent a second time");
}

function toResponse(message: IncomingMessage): WireResponse {
  const headers = Object.entries(message.headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(", ") : (value ?? ""),
  ]);
  return {
    statusCode: message.statusCode ?? 0,
    reason: message.statusMessage ?? "",
    headers: Object.fromEntries(headers),
    body: message,
  };
}

function queryOf(query: NonNullable<WireRequest["query"]>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value ?? ""].flat().map((single) => `${escapeUri(name)}=${escapeUri(single)}`),
  );
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** RFC 3986 escapes more than `encodeURIComponent` does, and SigV4 signs that form. */
function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
