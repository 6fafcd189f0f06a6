/** What the tests of the S3 store share: credentials that change on command, a clock that runs faster, bodies. */

import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, createServer as createTcpServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Config, type S3Config } from "../../src/config/schema.ts";
import { BackupError } from "../../src/errors.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { CredentialSource, CredentialsDescription, Identity, Rejection } from "../../src/ports/credentials.ts";
import type { ObjectStore, WriteOptions } from "../../src/ports/object-store.ts";
import { createS3Store } from "../../src/s3/object-store.ts";
import type { AwsKeys } from "../support/aws.ts";

export const MIB = 2 ** 20;
export const never = new AbortController().signal;

/** Time at `speed` times its pace, so that back-off and stall time-outs are waited for in full but quickly. */
export function fastClock(speed = 20): Clock {
  return {
    // biome-ignore lint/plugin: services check signatures and locks against the real time
    now: () => Date.now(),
    // biome-ignore lint/plugin: a faster clock is made out of the real one
    monotonic: () => performance.now() * speed,
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      await delay(ms / speed, undefined, { signal }).catch(() => {
        throw signal.reason;
      });
    },
  };
}

/** Credentials that the test changes; it keeps what the store reports. */
export class TestCredentials implements CredentialSource {
  readonly rejections: Rejection[] = [];
  readonly acceptedKeys = new Set<string>();
  #identity: Identity;
  #changed = Promise.withResolvers<void>();

  constructor(keys: AwsKeys) {
    this.#identity = keys;
  }

  set(keys: AwsKeys): void {
    this.#identity = keys;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async current(): Promise<Identity> {
    return this.#identity;
  }

  async refresh(): Promise<void> {}

  async replace(rejection: Rejection, signal: AbortSignal): Promise<void> {
    this.rejections.push(rejection);
    const waited = new AbortController();
    const timeUp = delay(rejection.waitMs, true, { signal: AbortSignal.any([signal, waited.signal]) });
    timeUp.catch(() => undefined);
    try {
      while (this.#identity.accessKeyId === rejection.identity.accessKeyId) {
        const isOver = await Promise.race([this.#changed.promise.then(() => false), timeUp]);
        if (isOver) throw new BackupError("CREDENTIALS_REJECTED", "Cannot find other credentials");
      }
    } finally {
      waited.abort();
    }
  }

  accepted(identity: Identity): void {
    this.acceptedKeys.add(identity.accessKeyId);
  }

  describe(): CredentialsDescription {
    return { layer: "config", source: "the test", keyTail: this.#identity.accessKeyId.slice(-4) };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A store with what the test cares about. */
export interface TestStoreOptions {
  readonly endpoint: string;
  readonly bucket: string;
  readonly credentials: CredentialSource;
  readonly config?: Partial<S3Config>;
  readonly clock?: Clock;
  readonly region?: string;
  readonly environment?: Record<string, string>;
  readonly warnings?: string[];
}

export function testStore(options: TestStoreOptions): ObjectStore {
  const { endpoint, bucket, credentials, clock = fastClock(), region = "us-east-1", environment = {} } = options;
  const { s3 } = Config.parse({ s3: { bucket, folder: "etcd/backups", partSize: 5 * MIB } });
  return createS3Store({
    config: { ...s3, ...options.config },
    endpoint,
    region,
    credentials,
    clock,
    random: () => 0,
    environment,
    warn: (message) => options.warnings?.push(message),
  });
}

export const metadata = { uuid: "6e0c", node: "cp-1", tick: "2026-01-05T00:00:00.000Z", run: "ark-cp-1-test" };

/** Bytes that no compression or repetition could fake. */
export function randomBody(size: number): Buffer {
  return randomFillSync(Buffer.allocUnsafe(size));
}

/** Writes `body` in etcd's 32 KiB pieces. */
export async function writeBody(
  store: ObjectStore,
  { key, body, ...options }: { key: string; body: Buffer } & Partial<WriteOptions>,
  signal: AbortSignal = never,
) {
  const known = { expectedSize: body.length, metadata, ...options };
  await using writer = await store.open(key, known, signal);
  writer.expect(body.length);
  for (let offset = 0; offset < body.length; offset += 32768) {
    await writer.write(body.subarray(offset, offset + 32768));
  }
  return await writer.complete();
}

export async function readBody(
  store: ObjectStore,
  key: string,
  range?: { start: number; end: number },
): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(store.read(key, range, never)));
}

/** An HTTP proxy that takes every host for this one, and so also resolves virtual hosts below localhost. */
export async function startConnectProxy() {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on("connect", ({ url = "" }, socket) => {
    targets.push(url);
    const upstream = connect(Number(url.split(":").at(-1)), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      upstream.pipe(socket);
      socket.pipe(upstream);
    });
    sockets.add(upstream);
    for (const end of [upstream, socket]) end.on("error", () => undefined);
    socket.on("close", () => upstream.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    targets,
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A request for a part, as it went over the wire. */
export interface SeenPart {
  readonly number: number;
  readonly uploadId: string;
  readonly accessKeyId: string;
}

/** Forwards bytes to a plain http service and notes which parts go by, under which key. */
export async function startPartWatch(endpoint: string) {
  const parts: SeenPart[] = [];
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    const upstream = connect(Number(new URL(endpoint).port), "127.0.0.1");
    socket.on("data", (chunk) => {
      const head = /^PUT \S*?([?&]\S*) HTTP.*?Credential=([^/]+)/s.exec(chunk.toString("latin1", 0, 4096));
      const query = new URLSearchParams(head?.[1]);
      const [number, uploadId] = [query.get("partNumber"), query.get("uploadId")];
      if (number && uploadId) parts.push({ number: Number(number), uploadId, accessKeyId: head?.[2] ?? "" });
    });
    socket.pipe(upstream).pipe(socket);
    for (const end of [socket, upstream]) {
      sockets.add(end);
      end.on("error", () => undefined);
      end.on("close", () => [socket, upstream].map((other) => other.destroy()));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    parts,
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
