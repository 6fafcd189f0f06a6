/** An `mvccpb.KeyValue` on the wire; fields that are 0 or empty are left out, as etcd leaves them out. */
export interface KeyValueFields {
  readonly key: Uint8Array;
  readonly createRevision?: bigint;
  readonly modRevision?: bigint;
  readonly version?: bigint;
  readonly value?: Uint8Array;
  readonly lease?: bigint;
}

export function encodeKeyValue({ key, value, ...numbers }: KeyValueFields): Buffer {
  const { createRevision = 0n, modRevision = 0n, version = 0n, lease = 0n } = numbers;
  return Buffer.concat([
    bytesField(0x0a, key),
    numberField(0x10, createRevision),
    numberField(0x18, modRevision),
    numberField(0x20, version),
    bytesField(0x2a, value ?? new Uint8Array()),
    numberField(0x30, BigInt.asUintN(64, lease)),
  ]);
}

/** The first version of a key, put at `revision`, in exactly `size` bytes; zeroes where that is too few for one. */
export function firstVersion(key: string, revision: bigint, size: number): Buffer {
  const fields = { key: Buffer.from(key), createRevision: revision, modRevision: revision, version: 1n };
  for (let length = size; length >= 0; length--) {
    const row = encodeKeyValue({ ...fields, value: Buffer.alloc(length, key) });
    if (row.length === size) return row;
    length -= Math.max(0, row.length - size - 8);
  }
  return Buffer.alloc(size);
}

function bytesField(tag: number, bytes: Uint8Array): Buffer {
  return bytes.length === 0
    ? Buffer.alloc(0)
    : Buffer.concat([Buffer.from([tag]), varint(BigInt(bytes.length)), bytes]);
}

function numberField(tag: number, value: bigint): Buffer {
  return value === 0n ? Buffer.alloc(0) : Buffer.concat([Buffer.from([tag]), varint(value)]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}
