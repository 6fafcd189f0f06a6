import assert from "node:assert/strict";
import { test } from "node:test";
import type { Urgency } from "../../../src/credentials/loader.ts";
import { Reader } from "../../../src/credentials/reader.ts";

test("Reader.read() runs one reading at a time, and one more for all who asked meanwhile, with their greatest urgency", async () => {
  const began: Urgency[] = [];
  const gates: (() => void)[] = [];
  let running = 0;
  const reader = new Reader(async (urgency) => {
    began.push(urgency);
    running += 1;
    assert.equal(running, 1);
    await new Promise<void>((resolve) => gates.push(resolve));
    running -= 1;
  });

  const first = reader.read("poll");
  const rest = Promise.all([reader.read("poll"), reader.read("rejected"), reader.read("run")]);
  assert.deepEqual(began, ["poll"]);
  gates[0]?.();
  await first;
  const late = reader.read("poll");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(began, ["poll", "rejected"]);
  gates[1]?.();
  await rest;
  await new Promise((resolve) => setImmediate(resolve));
  for (const open of gates) open();
  await late;

  assert.ok(began.length <= 3);
});
