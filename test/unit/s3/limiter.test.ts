import assert from "node:assert/strict";
import { it } from "node:test";
import { Limiter } from "../../../src/s3/limiter.ts";

const never = new AbortController().signal;

it("Limiter halves what may be under way when asked to slow down, and grows again with success", () => {
  const limiter = new Limiter(4);
  limiter.slowDown();
  assert.equal(limiter.limit, 2);
  for (let times = 0; times < 5; times++) limiter.slowDown();
  assert.equal(limiter.limit, 1);
  for (let times = 0; times < 8; times++) limiter.succeeded();
  assert.equal(limiter.limit, 2);
  for (let times = 0; times < 100; times++) limiter.succeeded();
  assert.equal(limiter.limit, 4);
});

it("Limiter admits in order as others leave", async () => {
  const limiter = new Limiter(1);
  const order: number[] = [];
  const enter = async (number: number): Promise<void> => {
    using _slot = await limiter.enter(never);
    order.push(number);
    await Promise.resolve();
  };
  await Promise.all([1, 2, 3].map(enter));
  assert.deepEqual(order, [1, 2, 3]);
});

it("Limiter.enter() gives up its place when aborted", async () => {
  const limiter = new Limiter(1);
  const slot = await limiter.enter(never);
  const stop = new AbortController();
  const waiting = limiter.enter(stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(waiting, /stopped/);
  slot[Symbol.dispose]();
  using _next = await limiter.enter(never);
});
