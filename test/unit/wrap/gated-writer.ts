import assert from "node:assert/strict";
import type { ObjectWriter } from "../../../src/ports/object-store.ts";

/** Lets through what the test lets through. */
export class Gate {
  #waiting: PromiseWithResolvers<void>[] = [];
  #state: { readonly error?: unknown } | undefined;

  pass(): Promise<void> {
    if (this.#state) return "error" in this.#state ? Promise.reject(this.#state.error) : Promise.resolve();
    const waiting = Promise.withResolvers<void>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  open(): void {
    this.#waiting.shift()?.resolve();
  }

  openForGood(): void {
    this.#state = {};
    for (const waiting of this.#waiting.splice(0)) waiting.resolve();
  }

  fail(error: unknown): void {
    this.#state = { error };
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}

/** Takes bytes at once, and lets its caller wait at a gate. */
export class GatedWriter implements ObjectWriter {
  readonly gate = new Gate();
  readonly taken: Uint8Array[] = [];
  completed = false;
  mayExist = false;
  disposed = false;
  expected = 0;
  #busy = false;

  get size(): number {
    return this.taken.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  }

  expect(size: number): void {
    this.expected = size;
  }

  write(chunk: Uint8Array): Promise<void> {
    assert.equal(this.#busy, false, "written to before it was ready");
    this.#busy = true;
    this.taken.push(Uint8Array.from(chunk));
    return this.gate.pass().finally(() => {
      this.#busy = false;
    });
  }

  async complete() {
    this.completed = true;
    this.mayExist = true;
    return { key: "k", size: this.size, storedAt: 0, parts: 1 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
  }
}

/** Lets everything run that is able to. */
export function turnOver(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
