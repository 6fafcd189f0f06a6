import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Client, credentials } from "@grpc/grpc-js";
import { type Database, openDatabase } from "../../src/bolt/database.ts";
import { hashKv, inspectDatabase } from "../../src/mvcc/inspect.ts";
import { memorySource } from "../unit/mvcc/memory-source.ts";

const { signal } = new AbortController();

/** What a live member says about its key space. */
export interface LiveState {
  readonly revision: bigint;
  readonly liveKeys: number;
}

/** HashKV as a member answers. */
export interface LiveHash {
  readonly hash: number;
  readonly compactRevision: bigint;
}

const HASH_KV = "/etcdserverpb.Maintenance/HashKV";
const NO_PROXY = { "grpc.enable_http_proxy": 0 };
/** Of `HashKVRequest` and of `HashKVResponse` (etcd `rpc.proto`): field numbers and wire types. */
const [REVISION_TAG, HEADER_TAG, HASH_TAG, COMPACT_REVISION_TAG] = [0x08, 0x0a, 0x10, 0x18];

/** The fields of answers that are looked at; numbers of 64 bits are text, and zeros are left out. */
interface GatewayAnswer {
  readonly header: { readonly revision: string };
  readonly count?: string;
  readonly ID?: string;
  readonly message?: string;
  readonly error?: string;
}

/** etcd through its JSON gateway: a request costs a millisecond, where etcdctl takes a process. */
export class Gateway {
  readonly #endpoint: string;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  async call(method: string, request: unknown): Promise<GatewayAnswer> {
    const response = await fetch(`${this.#endpoint}/v3/${method}`, { method: "POST", body: JSON.stringify(request) });
    const answer: GatewayAnswer = JSON.parse(await response.text());
    if (!response.ok) throw new Error(`Cannot call ${method}: ${answer.message ?? answer.error}`);
    return answer;
  }

  async state(): Promise<LiveState> {
    const { header, count = "0" } = await this.call("kv/range", { ...EVERYTHING, count_only: true });
    return { revision: BigInt(header.revision), liveKeys: Number(count) };
  }

  /** Revision 0 is the newest. The JSON gateway knows Hash and HashKV by one name, and serves the former. */
  async hashKv(revision: bigint): Promise<LiveHash> {
    const client = new Client(new URL(this.#endpoint).host, credentials.createInsecure(), NO_PROXY);
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const request = Buffer.from([REVISION_TAG, ...varint(revision)]);
    client.makeUnaryRequest(HASH_KV, identity, identity, request, (error, answer) => {
      if (error) reject(error);
      else resolve(answer ?? new Uint8Array());
    });
    try {
      return readHashKv(await promise);
    } finally {
      client.close();
    }
  }
}

/** Every key that a client can write. */
export const EVERYTHING = { key: "AA==", range_end: "AA==" };

export async function openFile(file: string): Promise<Database> {
  const db = await openDatabase(memorySource(await readFile(file)), signal);
  assert.ok(typeof db === "object", `Cannot open ${file}: ${db}`);
  return db;
}

export async function inspectFile(file: string) {
  return await inspectDatabase(await openFile(file), signal);
}

export async function hashKvOf(file: string, revision: bigint, compactRevision: bigint): Promise<number> {
  return await hashKv(await openFile(file), { revision, compactRevision }, signal);
}

function readHashKv(answer: Uint8Array): LiveHash {
  let [hash, compactRevision] = [0n, 0n];
  for (let at = 0; at < answer.length; ) {
    const tag = answer[at];
    const { value, end } = readVarint(answer, at + 1);
    at = tag === HEADER_TAG ? end + Number(value) : end;
    if (tag === HASH_TAG) hash = value;
    if (tag === COMPACT_REVISION_TAG) compactRevision = BigInt.asIntN(64, value);
  }
  return { hash: Number(hash), compactRevision };
}

function readVarint(bytes: Uint8Array, start: number): { readonly value: bigint; readonly end: number } {
  let value = 0n;
  for (let end = start; ; end++) {
    const byte = bytes[end] ?? 0;
    value |= BigInt(byte & 0x7f) << BigInt(7 * (end - start));
    if (byte < 0x80) return { value, end: end + 1 };
  }
}

function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)];
}

function identity(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}
