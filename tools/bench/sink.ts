/**
 * An S3 service that keeps no snapshot: it hashes each, holds it against the digest at its end, and tells of it on
 * standard output, one JSON object a line. A process of its own: `node sink.ts CERT KEY BYTES_PER_SECOND`.
 */
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { crc32 } from "node:zlib";
import type { SinkReport } from "./sink-process.ts";

/** An object as HEAD shows it; only small ones have their bytes. */
interface StoredObject {
  readonly size: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** What has come of a multipart upload. Parts ahead of their turn wait for it, to be hashed in order. */
interface Upload {
  readonly metadata: Readonly<Record<string, string>>;
  readonly waiting: Map<number, readonly Buffer[]>;
  readonly tail: TailHash;
  next: number;
}

const DIGEST_SIZE = 32;
const SMALL = 2 ** 10;
const LAST_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT";
const [certFile = "", keyFile = "", rate = "0"] = process.argv.slice(2);
const bytesPerSecond = Number(rate);
const objects = new Map<string, StoredObject>();
const uploads = new Map<string, Upload>();
let freeAt = 0;

const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (request, response) => {
  answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  tell({ port: typeof address === "object" ? (address?.port ?? 0) : 0 });
});

/** SHA-256 of all that was written, and whether the last 32 bytes are that of all before them. */
class TailHash {
  readonly #hash: Hash = createHash("sha256");
  #held: Buffer = Buffer.alloc(0);
  #size = 0;

  write(bytes: Buffer): void {
    this.#size += bytes.length;
    if (bytes.length < DIGEST_SIZE) this.#hold(Buffer.concat([this.#held, bytes]));
    else {
      this.#hash.update(this.#held).update(bytes.subarray(0, -DIGEST_SIZE));
      this.#held = Buffer.from(bytes.subarray(-DIGEST_SIZE));
    }
  }

  finish(): { readonly size: number; readonly sha256: string; readonly digestRight: boolean } {
    const digestRight = this.#hash.copy().digest().equals(this.#held);
    return { size: this.#size, sha256: this.#hash.update(this.#held).digest("hex"), digestRight };
  }

  #hold(bytes: Buffer): void {
    this.#hash.update(bytes.subarray(0, -DIGEST_SIZE));
    this.#held = bytes.subarray(-DIGEST_SIZE);
  }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "https://sink");
  const chunks = await read(request);
  const object = decodeURIComponent(pathname);
  const uploadId = searchParams.get("uploadId") ?? "";
  const what = `${request.method}${uploadId && " part"}${searchParams.has("uploads") ? " uploads" : ""}`;
  if (what === "POST uploads") begin(request, response, object);
  else if (what === "GET uploads") sendXml(response, 200, "<ListMultipartUploadsResult/>");
  else if (what === "PUT part")
    takePart({ request, response, chunks }, uploadId, Number(searchParams.get("partNumber")));
  else if (what === "POST part") complete(response, uploadId, object);
  else if (request.method === "DELETE") remove(response, uploadId || object);
  else if (what === "PUT") put({ request, response, chunks }, object);
  else if (searchParams.has("list-type")) list(response, object, searchParams);
  else show(request, response, object);
}

/** The whole body, at the pace that all requests share. */
async function read(request: IncomingMessage): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    if (bytesPerSecond > 0) pace(request, chunk.length);
  });
  await once(request, "end");
  return chunks;
}

function pace(request: IncomingMessage, bytes: number): void {
  // biome-ignore lint/plugin: the pace of a real connection is kept by the real time
  const now = performance.now();
  freeAt = Math.max(now, freeAt) + (bytes / bytesPerSecond) * 1000;
  request.pause();
  setTimeout(() => request.resume(), freeAt - now);
}

function begin(request: IncomingMessage, response: ServerResponse, object: string): void {
  const id = `${object}#${uploads.size}`;
  uploads.set(id, { metadata: metadataOf(request), waiting: new Map(), tail: new TailHash(), next: 1 });
  sendXml(response, 200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly chunks: readonly Buffer[];
}

function takePart({ request, response, chunks }: Exchange, id: string, number: number): void {
  const upload = uploads.get(id);
  if (upload === undefined || !hasRightChecksum(request, chunks)) {
    sendError(response, upload === undefined ? "NoSuchUpload" : "BadDigest");
    return;
  }
  upload.waiting.set(number, chunks);
  for (let part = upload.waiting.get(upload.next); part; part = upload.waiting.get(upload.next)) {
    for (const chunk of part) upload.tail.write(chunk);
    upload.waiting.delete(upload.next++);
  }
  response.writeHead(200, { etag: `"${id.length}-${number}"` }).end();
}

/** Only a small body's is looked at, for that is how a client finds out: the big ones are hashed anyway. */
function hasRightChecksum(request: IncomingMessage, chunks: readonly Buffer[]): boolean {
  const told = request.headers["x-amz-checksum-crc32"];
  if (told === undefined || Number(request.headers["content-length"]) > SMALL) return true;
  const sum = chunks.reduce((crc, chunk) => crc32(chunk, crc), 0);
  return Buffer.from(String(told), "base64").readUInt32BE() === sum;
}

function complete(response: ServerResponse, id: string, object: string): void {
  const upload = uploads.get(id);
  if (upload === undefined) {
    sendError(response, "NoSuchUpload");
    return;
  }
  uploads.delete(id);
  const told = upload.tail.finish();
  objects.set(object, { size: told.size, metadata: upload.metadata });
  tell({ object, ...told });
  sendXml(response, 200, `<CompleteMultipartUploadResult><ETag>"x-1"</ETag></CompleteMultipartUploadResult>`);
}

function remove(response: ServerResponse, name: string): void {
  uploads.delete(name);
  objects.delete(name);
  response.writeHead(204).end();
}

function put({ request, response, chunks }: Exchange, object: string): void {
  if (request.headers["if-none-match"] === "*" && objects.has(object)) {
    sendError(response, "PreconditionFailed");
    return;
  }
  const body = Buffer.concat(chunks);
  objects.set(object, { size: body.length, metadata: metadataOf(request), body });
  response.writeHead(200, { etag: `"${createHash("md5").update(body).digest("hex")}"` }).end();
}

function list(response: ServerResponse, bucket: string, query: URLSearchParams): void {
  const start = `${bucket.replace(/\/$/, "")}/${query.get("prefix") ?? ""}`;
  const keys = [...objects].filter(([name]) => name.startsWith(start));
  const contents = keys.map(
    ([name, { size }]) =>
      `<Contents><Key>${name.split("/").slice(2).join("/")}</Key><Size>${size}</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`,
  );
  sendXml(response, 200, `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join("")}</ListBucketResult>`);
}

function show(request: IncomingMessage, response: ServerResponse, name: string): void {
  const object = objects.get(name);
  if (object === undefined) {
    sendError(response, "NoSuchKey");
    return;
  }
  const headers = { "content-length": object.size, "last-modified": LAST_MODIFIED, ...object.metadata };
  response.writeHead(200, headers).end(request.method === "HEAD" ? undefined : object.body);
}

function metadataOf({ headers }: IncomingMessage): Record<string, string> {
  const own = Object.entries(headers).filter(([name]) => name.startsWith("x-amz-meta-"));
  return Object.fromEntries(own.map(([name, value]) => [name, String(value)]));
}

const STATUS = { BadDigest: 400, NoSuchKey: 404, NoSuchUpload: 404, PreconditionFailed: 412 } as const;

function sendError(response: ServerResponse, code: keyof typeof STATUS): void {
  sendXml(response, STATUS[code], `<Error><Code>${code}</Code><Message>${code}</Message></Error>`);
}

function sendXml(response: ServerResponse, status: number, xml: string): void {
  response.writeHead(status, { "content-type": "application/xml" }).end(`<?xml version="1.0"?>${xml}`);
}

function tell(report: SinkReport | { readonly port: number }): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
