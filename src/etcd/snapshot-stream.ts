import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import { messageOf } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { SnapshotStream } from "../ports/snapshot-source.ts";
import { CallRefused, GRPC, type GrpcStatus, streamBroken } from "./errors.ts";
import { SnapshotFrames } from "./grpc-frames.ts";
import { watchStream } from "./watchdog.ts";

export interface SnapshotCall {
  /** Belongs to the stream from now on, and is closed with it. */
  readonly session: ClientHttp2Session;
  readonly token: string | undefined;
  readonly stallTimeoutMs: number;
  readonly clock: Clock;
}

type Write = (blob: Uint8Array) => Promise<void> | undefined;

/** An empty SnapshotRequest, framed. */
const REQUEST = new Uint8Array(5);

/** Calls Maintenance.Snapshot. Resolves when the first message has come. Rejects with `CallRefused`, or as the port says. */
export async function openSnapshotStream(call: SnapshotCall, signal: AbortSignal): Promise<SnapshotStream> {
  const reader = new SnapshotReader(call, signal);
  try {
    await reader.opened;
    return reader;
  } catch (error) {
    await reader[Symbol.asyncDispose]();
    throw error;
  }
}

class SnapshotReader implements SnapshotStream {
  readonly #call: SnapshotCall;
  readonly #request: ClientHttp2Stream;
  readonly #frames = new SnapshotFrames();
  readonly #ended = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #whole = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<void>();
  /** Blobs that came with one chunk and are not written yet. */
  #blobs: Uint8Array[] = [];
  #write: Write | undefined;
  #isWriting = false;
  #isClosed = false;
  #status: GrpcStatus | undefined;
  #lastByte: number;

  constructor(call: SnapshotCall, signal: AbortSignal) {
    this.#call = call;
    this.#lastByte = call.clock.monotonic();
    // Whoever does not wait for one of them learns of the failure from the other.
    this.#opened.promise.catch(() => undefined);
    this.#whole.promise.catch(() => undefined);
    this.#request = call.session.request({
      ":method": "POST",
      ":path": "/etcdserverpb.Maintenance/Snapshot",
      "content-type": "application/grpc",
      te: "trailers",
      ...(call.token !== undefined && { token: call.token }),
    });
    this.#listen();
    this.#request.end(REQUEST);
    signal.addEventListener("abort", () => this.#fail(signal.reason), { signal: this.#ended.signal });
    if (signal.aborted) this.#fail(signal.reason);
    this.#watch();
  }

  /** Resolves when the first message has come. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get snapshotSize(): number {
    return this.#frames.snapshotSize ?? 0;
  }

  async pump(write: Write): Promise<void> {
    if (this.#write) throw new Error("pump() was called twice");
    this.#write = write;
    try {
      this.#goOn();
    } catch (error) {
      this.#fail(error);
    }
    await this.#whole.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(streamBroken("it was given up"));
    this.#call.session.destroy();
    await this.#gone.promise;
  }

  #listen(): void {
    this.#call.session.on("close", () => this.#gone.resolve());
    this.#request.on("response", (headers) => this.#readResponse(headers));
    this.#request.on("trailers", (headers) => this.#readStatus(headers));
    this.#request.on("data", (chunk: Uint8Array) => this.#take(chunk));
    this.#request.on("error", (error) => this.#fail(this.#cut(messageOf(error), error)));
    this.#request.on("close", () => this.#close());
  }

  #watch(): void {
    const { clock, stallTimeoutMs } = this.#call;
    const silenceMs = (): number => (this.#isTaking ? clock.monotonic() - this.#lastByte : 0);
    const ping = () => this.#ping();
    watchStream({ clock, stallTimeoutMs, silenceMs, ping }, this.#ended.signal).then(
      (error) => this.#fail(error),
      // The watch ends with the stream.
      () => undefined,
    );
  }

  /** Whether etcd may send: before the first message, and whenever the writer is not behind. */
  get #isTaking(): boolean {
    return this.#write === undefined ? this.#frames.snapshotSize === undefined : !this.#isWriting;
  }

  async #ping(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    // An error means that the session has gone, which the stream reports itself.
    if (!this.#call.session.ping(() => resolve())) resolve();
    await promise;
  }

  /** etcd answers with 200 whatever happens; a status of its own may already be here if no message follows. */
  #readResponse(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    const http = headers[":status"];
    if (http === 200) this.#readStatus(headers);
    else this.#fail(new CallRefused({ code: GRPC.unavailable, message: `it answered with HTTP status ${http}` }));
  }

  #readStatus(headers: IncomingHttpHeaders): void {
    const code = headers["grpc-status"];
    if (code !== undefined) this.#status = { code: Number(code), message: decode(headers["grpc-message"]) };
  }

  #take(chunk: Uint8Array): void {
    if (this.#ended.signal.aborted) return;
    this.#lastByte = this.#call.clock.monotonic();
    try {
      this.#frames.push(chunk, this.#blobs);
      if (this.#frames.snapshotSize !== undefined) this.#opened.resolve();
      this.#drain();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Writes what has come, and has etcd wait while the writer does. */
  #drain(): void {
    while (this.#write && !this.#isWriting && this.#blobs.length > 0) this.#writeNext(this.#write);
    if (this.#ended.signal.aborted || this.#isWriting) return;
    if (this.#isClosed && this.#write) this.#finish();
    else if (!this.#isTaking) this.#request.pause();
    else if (this.#request.isPaused()) this.#request.resume();
  }

  #writeNext(write: Write): void {
    const blob = this.#blobs.shift();
    const written = blob && write(blob);
    if (written === undefined) return;
    this.#isWriting = true;
    this.#request.pause();
    written.then(() => this.#goOn()).catch((error: unknown) => this.#fail(error));
  }

  #goOn(): void {
    this.#isWriting = false;
    this.#lastByte = this.#call.clock.monotonic();
    this.#drain();
  }

  #close(): void {
    if (this.#ended.signal.aborted) return;
    const status = this.#status;
    if (status === undefined) this.#fail(this.#cut("the connection was cut"));
    else if (status.code !== GRPC.ok) this.#fail(this.#refusal(status));
    else if (!this.#frames.isComplete) this.#fail(this.#cut("etcd ended it"));
    else {
      this.#isClosed = true;
      this.#drain();
    }
  }

  /** A status before the first byte is an answer; later it is a break like any other. */
  #refusal(status: GrpcStatus): Error {
    return this.#frames.received === 0 ? new CallRefused(status) : this.#cut(status.message);
  }

  #cut(why: string, cause?: unknown): Error {
    const { received, snapshotSize } = this.#frames;
    return streamBroken(`${why} after ${received} of ${snapshotSize ?? "an unknown number of"} bytes`, cause);
  }

  #finish(): void {
    this.#ended.abort();
    this.#whole.resolve();
  }

  #fail(error: unknown): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#blobs = [];
    this.#opened.reject(error);
    this.#whole.reject(error);
    this.#request.close(constants.NGHTTP2_CANCEL);
    this.#call.session.destroy();
  }
}

/** A `grpc-message` is percent-encoded (gRPC over HTTP/2, "Status-Message"). */
function decode(text: string | string[] | undefined): string {
  try {
    return decodeURIComponent(String(text ?? ""));
  } catch {
    return String(text);
  }
}
