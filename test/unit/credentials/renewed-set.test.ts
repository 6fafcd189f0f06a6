import assert from "node:assert/strict";
import { test } from "node:test";
import { RenewedSet, renewalTime } from "../../../src/credentials/renewed-set.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const { signal } = new AbortController();
const minute = 60_000;

/** A service that numbers the sets it gives; `lifetime` 0 is without an expiry. */
function service(clock: FakeClock, lifetime: number) {
  const state = { asked: 0, failing: false };
  const set = new RenewedSet(async () => {
    state.asked += 1;
    if (state.failing) throw new Error(`failure ${state.asked}`);
    return {
      accessKeyId: `KEY${state.asked}`,
      secretAccessKey: "s",
      ...(lifetime > 0 && { expiresAt: clock.now() + lifetime }),
    };
  }, clock);
  return { state, set };
}

test("renewalTime() is five minutes ahead, or at half of what is left when that is sooner", () => {
  assert.equal(renewalTime(60 * minute, 0), 55 * minute);
  assert.equal(renewalTime(10 * minute, 0), 5 * minute);
  assert.equal(renewalTime(2 * minute, 0), minute);
  assert.equal(renewalTime(0, minute), 0);
});

test("RenewedSet.get() asks once until the set is five minutes from its expiry", async () => {
  const clock = new FakeClock();
  const { set, state } = service(clock, 60 * minute);

  for (let passed = 0; passed < 55; passed++) {
    assert.equal((await set.get("run", signal)).identity.accessKeyId, "KEY1");
    await clock.advance(minute);
  }
  assert.equal(state.asked, 1);
  assert.equal((await set.get("poll", signal)).identity.accessKeyId, "KEY2");
});

test("RenewedSet.get() asks before each run, and not in between, when the set has no expiry", async () => {
  const clock = new FakeClock();
  const { set, state } = service(clock, 0);
  await set.get("poll", signal);
  await clock.advance(minute);
  await set.get("poll", signal);
  assert.equal(state.asked, 1);

  await set.get("run", signal);
  assert.equal(state.asked, 2);
});

test("RenewedSet.get() asks again when the set is rejected, but not more often than every 5 s", async () => {
  const clock = new FakeClock();
  const { set, state } = service(clock, 60 * minute);
  await set.get("run", signal);

  for (let second = 0; second < 11; second++) {
    await set.get("rejected", signal);
    await clock.advance(1_000);
  }
  assert.equal(state.asked, 3);
});

test("RenewedSet.get() repeats a failure for 5 s and then asks again", async () => {
  const clock = new FakeClock();
  const { set, state } = service(clock, 60 * minute);
  state.failing = true;

  await assert.rejects(set.get("run", signal), /failure 1/);
  await assert.rejects(set.get("run", signal), /failure 1/);
  await clock.advance(5_000);
  await assert.rejects(set.get("run", signal), /failure 2/);
});

test("RenewedSet.get() gives one that hangs up after a minute, ends it, and asks anew", async () => {
  const clock = new FakeClock();
  const started: AbortSignal[] = [];
  const set = new RenewedSet(async (ended) => {
    started.push(ended);
    return await new Promise<never>(() => {});
  }, clock);

  for (const attempt of [0, 1]) {
    const answer = failureOf(set.get("run", signal));
    await clock.advance(minute - 1);
    assert.equal(started[attempt]?.aborted, false);
    assert.equal(answer(), undefined);
    await clock.advance(1);
    assert.equal(started[attempt]?.aborted, true);
    assert.match(String(answer()), /no answer within 60 s/);
    await clock.advance(5_000);
  }
  assert.equal(started.length, 2);
});

test("RenewedSet.get() rejects with the reason of its signal, and ends what it asks, when the source is closed", async () => {
  const stop = new AbortController();
  let ended: AbortSignal | undefined;
  const set = new RenewedSet(async (fetching) => {
    ended = fetching;
    return await new Promise<never>(() => {});
  }, new FakeClock());

  const answer = failureOf(set.get("run", stop.signal));
  stop.abort(new Error("closed"));
  await new Promise((resolve) => setImmediate(resolve));

  assert.match(String(answer()), /closed/);
  assert.equal(ended?.aborted, true);
});

/** What the promise has rejected with so far: one that hangs must fail the test, not hang it. */
function failureOf(promise: Promise<unknown>): () => unknown {
  let failure: unknown;
  promise.catch((error: unknown) => {
    failure = error;
  });
  return () => failure;
}
