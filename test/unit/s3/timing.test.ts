import assert from "node:assert/strict";
import { it } from "node:test";
import { Bandwidth } from "../../../src/s3/bandwidth.ts";
import { cleanUp } from "../../../src/s3/cleanup.ts";
import { watchProgress } from "../../../src/s3/stall.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const never = new AbortController().signal;

it("watchProgress() calls out only after the whole time without a byte", async () => {
  const clock = new FakeClock();
  const stalls: string[] = [];
  let moved = 0;
  const onStall = (error: Error): void => void stalls.push(error.message);
  const watching = watchProgress({ clock, stallMs: 30_000, onStall }, () => moved, never);
  for (let second = 0; second < 300; second += 20) {
    await clock.advance(20_000);
    moved++;
  }
  assert.deepEqual(stalls, []);
  await clock.advance(40_000);
  await watching;
  assert.deepEqual(stalls, ["no byte moved for 30 s"]);
});

it("watchProgress() ends with its signal", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const watching = watchProgress({ clock, stallMs: 30_000, onStall: () => assert.fail() }, () => 0, stop.signal);
  stop.abort();
  await watching;
  assert.equal(clock.sleeping, 0);
});

it("Bandwidth lets no more through than its rate, in the order of asking", async () => {
  const clock = new FakeClock();
  const bandwidth = new Bandwidth(1000, clock);
  const passed: number[] = [];
  for (const number of [1, 2, 3]) bandwidth.take(500, never).then(() => passed.push(number), assert.fail);
  await clock.advance(400);
  assert.deepEqual(passed, [1]);
  await clock.advance(100);
  assert.deepEqual(passed, [1, 2]);
  await clock.advance(500);
  assert.deepEqual(passed, [1, 2, 3]);
});

it("Bandwidth of 0 never waits", async () => {
  await new Bandwidth(0, new FakeClock()).take(2 ** 40, never);
});

it("cleanUp() gives up after five seconds, and hides what went wrong", async () => {
  const clock = new FakeClock();
  const cleaning = cleanUp(clock, (signal) => clock.sleep(60_000, signal));
  await clock.advance(5000);
  await cleaning;
  assert.equal(clock.sleeping, 0);
  await cleanUp(clock, () => Promise.reject(new Error("no")));
  assert.equal(clock.sleeping, 0);
});
