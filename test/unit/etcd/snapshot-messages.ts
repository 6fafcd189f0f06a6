import { createHash } from "node:crypto";

/** The messages of Maintenance.Snapshot for these bytes, framed, as etcd sends them: the digest comes last and alone. */
export function snapshotMessages(database: Uint8Array, { messageSize }: { readonly messageSize: number }): Buffer[] {
  const messages: Buffer[] = [];
  for (let sent = 0; sent < database.length; sent += messageSize) {
    const blob = database.subarray(sent, sent + messageSize);
    messages.push(frame(snapshotResponse(blob, database.length - sent - blob.length)));
  }
  if (messages.length === 0) messages.push(frame(snapshotResponse(database, 0)));
  return [...messages, frame(snapshotResponse(createHash("sha256").update(database).digest(), 0))];
}

/** A message with its prefix. */
export function frame(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Fields that are zero or empty are left out, as in proto3. */
function snapshotResponse(blob: Uint8Array, remainingBytes: number): Buffer {
  const remaining = remainingBytes > 0 ? [0x10, ...varint(remainingBytes)] : [];
  const head = blob.length > 0 ? [0x1a, ...varint(blob.length)] : [];
  const version = [0x22, 3, 0x33, 0x2e, 0x36];
  return Buffer.concat([Buffer.from([...remaining, ...head]), blob, Buffer.from(version)]);
}

/** A number as protobuf writes it. */
export function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];
}
