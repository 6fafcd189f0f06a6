import { pipeline, Readable } from "node:stream";
import { createInflateRaw } from "node:zlib";
import { BackupError } from "../errors.ts";

const LOCAL_HEADER = Buffer.from("PK\u0003\u0004");
const HEADER_BYTES = 30;
const DEFLATED = 8;
const ENCRYPTED = 1;

/**
 * The first file of a zip archive: k3s puts one snapshot into each. The end of deflated bytes shows itself, so sizes are not
 * looked at, which may stand behind them or in a zip64 field. What follows is read and left alone: a snapshot has a digest
 * of its own.
 */
export async function* unzip(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = stored[Symbol.asyncIterator]();
  const first = await skipHeader(chunks);
  const inflate = createInflateRaw();
  // Errors of either side surface where the result is iterated.
  pipeline(Readable.from(follow(first, chunks)), inflate, () => undefined);
  try {
    yield* inflate;
  } catch (cause) {
    if (cause instanceof BackupError) throw cause;
    throw notWhole("it is no whole zip archive", cause);
  }
  for (let next = await chunks.next(); !next.done; next = await chunks.next());
}

/** Reads the local file header (APPNOTE 4.3.7), and gives what has come beyond it. */
async function skipHeader(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head = Buffer.alloc(0);
  while (head.length < headerBytes(head)) {
    const next = await chunks.next();
    if (next.done) throw notWhole("it is no zip archive");
    head = Buffer.concat([head, next.value]);
  }
  if (!head.subarray(0, 4).equals(LOCAL_HEADER)) throw notWhole("it is no zip archive");
  if ((head.readUInt16LE(6) & ENCRYPTED) !== 0) throw notWhole("the zip archive is encrypted");
  if (head.readUInt16LE(8) !== DEFLATED) throw notWhole("the zip archive is packed in another way than by deflate");
  return head.subarray(headerBytes(head));
}

/** Behind its fixed part stand a name and extra fields. */
function headerBytes(head: Buffer): number {
  return head.length < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + head.readUInt16LE(26) + head.readUInt16LE(28);
}

/** Unlike `yield*`, it does not end `chunks` when it is ended itself. */
async function* follow(first: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}

function notWhole(detail: string, cause?: unknown): BackupError {
  return new BackupError("SNAPSHOT_CORRUPT", `Cannot unpack snapshot: ${detail}`, {
    hint: "Take another one",
    cause,
  });
}
