import { type CallOptions, type Client, Metadata } from "@grpc/grpc-js";

/** What a member answers to Maintenance.HashKV (etcd `rpc.proto` HashKVResponse). */
export interface HashKv {
  readonly hash: number;
  /** The compaction that it goes by; -1 for none. */
  readonly compactRevision: bigint;
}

const PATH = "/etcdserverpb.Maintenance/HashKV";
const FIELD = { hash: 2, compactRevision: 3 } as const;
const WIRE = { varint: 0, lengthDelimited: 2 } as const;

/** Calls Maintenance.HashKV, for which etcd3 looks under a name that grpc-js does not give it: `hashKV` for `hashKv`. */
export async function callHashKv(client: Client, revision: bigint, options: CallOptions): Promise<HashKv> {
  const { promise, resolve, reject } = Promise.withResolvers<HashKv>();
  const done = (error: Error | null, answer?: HashKv): void => {
    if (error) reject(error);
    else if (answer) resolve(answer);
  };
  client.makeUnaryRequest(PATH, encodeRequest, decodeHashKv, revision, new Metadata(), options, done);
  return await promise;
}

/** `HashKVRequest{1: revision}`. */
function encodeRequest(revision: bigint): Buffer {
  const bytes = [0x08];
  let rest = revision;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

/** Throws on what is no such message. */
export function decodeHashKv(bytes: Uint8Array): HashKv {
  const fields = new Map<number, bigint>();
  let at = 0;
  const readVarint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("The answer is cut short");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("A number of the answer has no end");
  };
  while (at < bytes.length) {
    const tag = Number(readVarint());
    const value = readVarint();
    if ((tag & 7) === WIRE.lengthDelimited) at += Number(value);
    else if ((tag & 7) === WIRE.varint) fields.set(tag >>> 3, value);
    else throw new RangeError(`The answer has a field of type ${tag & 7}`);
  }
  return {
    hash: Number(fields.get(FIELD.hash) ?? 0n),
    compactRevision: BigInt.asIntN(64, fields.get(FIELD.compactRevision) ?? 0n),
  };
}
