import { TRAILER_BYTES } from "../model/manifest.ts";
import { streamBroken } from "./errors.ts";

/** Bytes before a gRPC message: a flag and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const PREFIX_SIZE = 5;

/** Fields of etcd's SnapshotResponse that matter here (`rpc.proto`). */
const FIELD = { remainingBytes: 2, blob: 3 } as const;
/** Wire types of protobuf. */
const WIRE = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/**
 * Takes the body of a Maintenance.Snapshot response apart as it comes, in chunks of any size. Blobs are
 * handed on as slices of the chunks: nothing is copied, and no message is ever held.
 */
export class SnapshotFrames {
  #prefix = 0;
  /** Bytes of the message that are still to come. */
  #left = 0;
  /** Bytes of the field's content that are still to come. */
  #content = 0;
  #field = 0;
  #expect: "tag" | "value" | "length" = "tag";
  #varint = 0;
  #scale = 1;
  #remaining = 0;
  #received = 0;
  /** Bytes of all blobs but the digest, which `remaining_bytes` does not count. */
  #total: number | undefined;

  /** Bytes of blobs so far. */
  get received(): number {
    return this.#received;
  }

  /** Bytes that all blobs will have, the digest included; known once the first message is complete. */
  get snapshotSize(): number | undefined {
    return this.#total === undefined ? undefined : this.#total + TRAILER_BYTES;
  }

  /** Whether everything came that was announced, and nothing is cut off. */
  get isComplete(): boolean {
    return this.#received === this.snapshotSize && this.#remaining === 0 && this.#prefix === 0;
  }

  /** Appends the pieces of blobs in `chunk` to `blobs`. Throws `ETCD_STREAM_BROKEN` on what is no such message. */
  push(chunk: Uint8Array, blobs: Uint8Array[]): void {
    for (let offset = 0; offset < chunk.length; ) {
      if (this.#content > 0) offset = this.#takeContent(chunk, offset, blobs);
      else if (this.#prefix < PREFIX_SIZE) this.#takePrefix(chunk[offset++] ?? 0);
      else this.#takeVarint(chunk[offset++] ?? 0);
    }
  }

  #takePrefix(byte: number): void {
    if (this.#prefix === 0 && byte !== 0) throw streamBroken("a message is compressed, which was not asked for");
    this.#left = this.#prefix === 0 ? 0 : this.#left * 256 + byte;
    this.#prefix++;
    if (this.#prefix < PREFIX_SIZE) return;
    this.#remaining = 0;
    this.#endMessage();
  }

  #takeVarint(byte: number): void {
    this.#left--;
    this.#varint += (byte & 0x7f) * this.#scale;
    this.#scale *= 128;
    if (byte < 0x80) {
      const value = this.#varint;
      this.#varint = 0;
      this.#scale = 1;
      this.#takeNumber(value);
    } else if (this.#left === 0 || this.#scale > 2 ** 63) throw malformed();
    this.#endMessage();
  }

  #takeNumber(value: number): void {
    if (this.#expect === "tag") this.#takeTag(Math.floor(value / 8), value % 8);
    else if (this.#expect === "length") this.#beginContent(value);
    else {
      if (this.#field === FIELD.remainingBytes) this.#remaining = value;
      this.#expect = "tag";
    }
  }

  #takeTag(field: number, wire: number): void {
    this.#field = field;
    if (wire === WIRE.varint) this.#expect = "value";
    else if (wire === WIRE.lengthDelimited) this.#expect = "length";
    else if (wire === WIRE.fixed64) this.#beginContent(8);
    else if (wire === WIRE.fixed32) this.#beginContent(4);
    else throw malformed();
  }

  #beginContent(size: number): void {
    if (size > this.#left) throw malformed();
    this.#content = size;
    this.#expect = "tag";
  }

  #takeContent(chunk: Uint8Array, offset: number, blobs: Uint8Array[]): number {
    const end = Math.min(chunk.length, offset + this.#content);
    if (this.#field === FIELD.blob) {
      blobs.push(chunk.subarray(offset, end));
      this.#received += end - offset;
    }
    this.#content -= end - offset;
    this.#left -= end - offset;
    this.#endMessage();
    return end;
  }

  /** Once the message has no more bytes: its numbers must fit those of the messages before. */
  #endMessage(): void {
    if (this.#left > 0) return;
    if (this.#expect !== "tag") throw malformed();
    this.#prefix = 0;
    this.#total ??= this.#received + this.#remaining;
    const missing = this.#total - this.#received;
    if (missing === this.#remaining || (missing === -TRAILER_BYTES && this.#remaining === 0)) return;
    throw streamBroken(`${this.#remaining} bytes are announced where ${missing} are missing`);
  }
}

function malformed(): Error {
  return streamBroken("a message is not etcd's SnapshotResponse");
}
