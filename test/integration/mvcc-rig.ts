import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { type Database, openDatabase } from "../../src/bolt/database.ts";
import { hashKv, inspectDatabase } from "../../src/mvcc/inspect.ts";
import { memorySource } from "../unit/mvcc/memory-source.ts";

const { signal } = new AbortController();

/** What a live member says about its key space. */
export interface LiveState {
  readonly revision: bigint;
  readonly liveKeys: number;
}

/** HashKV as a member answers, or what it says instead. */
export type LiveHash = { readonly hash: number; readonly compactRevision: bigint } | { readonly refused: string };

/** etcd through its JSON gateway: a request costs a millisecond, where etcdctl takes a process. */
export class Gateway {
  readonly #endpoint: string;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  async call(method: string, request: unknown): Promise<GatewayAnswer> {
    const response = await fetch(`${this.#endpoint}/v3/${method}`, { method: "POST", body: JSON.stringify(request) });
    const answer = JSON.parse(await response.text());
    if (!response.ok) throw new Error(`Cannot call ${method}: ${answer.message ?? answer.error}`);
    return answer;
  }

  async state(): Promise<LiveState> {
    const { header, count = "0" } = await this.call("kv/range", { ...EVERYTHING, count_only: true });
    return { revision: BigInt(header.revision), liveKeys: Number(count) };
  }

  /** Revision 0 is the newest. */
  async hashKv(revision: bigint): Promise<LiveHash> {
    try {
      const { hash, compact_revision = "0" } = await this.call("maintenance/hash", { revision: String(revision) });
      return { hash, compactRevision: BigInt(compact_revision) };
    } catch (error) {
      return { refused: String(error) };
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
