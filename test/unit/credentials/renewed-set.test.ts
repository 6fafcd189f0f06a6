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

test("RenewedSet.get() gives one that hangs up after a minute, and asks anew only then", async () => {
  const clock = new FakeClock();
  let started = 0;
  const set = new RenewedSet(async () => {
    started += 1;
    return await new Promise<never>(() => {});
  }, clock);

  const first = assert.rejects(set.get("run", signal), { message: /no answer within 60 s/ });
  await clock.advance(minute - 1);
  const joined = assert.rejects(set.get("rejected", signal), { message: /no answer within 60 s/ });
  assert.equal(started, 1);
  await clock.advance(1);
  await first;
  await clock.advance(5_000);
  const anew = assert.rejects(set.get("run", signal), { message: /no answer within 60 s/ });
  assert.equal(started, 2);
  await clock.advance(minute);
  await Promise.all([joined, anew]);
});
