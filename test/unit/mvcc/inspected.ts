import assert from "node:assert/strict";
import type { ByteSource } from "../../../src/bolt/byte-source.ts";
import { type Database, openDatabase } from "../../../src/bolt/database.ts";
import { inspectDatabase } from "../../../src/mvcc/inspect.ts";
import { memorySource } from "./memory-source.ts";

const { signal } = new AbortController();

/** Opens what has to be a database. */
export async function opened(source: Uint8Array | ByteSource): Promise<Database> {
  const db = await openDatabase(source instanceof Uint8Array ? memorySource(source) : source, signal);
  assert.ok(typeof db === "object", `Cannot open: ${db}`);
  return db;
}

export async function inspected(source: Uint8Array | ByteSource) {
  return await inspectDatabase(await opened(source), signal);
}

/** What is wrong with a file, as text. */
export async function findingsOf(source: Uint8Array | ByteSource): Promise<string[]> {
  return (await inspected(source)).findings.map(({ code, message }) => `${code} ${message}`);
}
