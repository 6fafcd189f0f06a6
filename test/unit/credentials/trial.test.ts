import assert from "node:assert/strict";
import { test } from "node:test";
import { Trial } from "../../../src/credentials/trial.ts";
import type { Identity } from "../../../src/ports/credentials.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const identity = (id: string, expiresAt?: number): Identity => ({
  accessKeyId: id,
  secretAccessKey: `secret-of-${id}`,
  ...(expiresAt !== undefined && { expiresAt }),
});
const [old, next, third] = [identity("OLD"), identity("NEXT"), identity("THIRD")];

function trial(...offers: Identity[]) {
  const clock = new FakeClock();
  const result = new Trial(clock);
  for (const offer of offers) offerTo(result, offer);
  return {
    clock,
    trial: result,
    key: () => result.current?.identity.accessKeyId,
    usable: () => result.usable?.identity.accessKeyId,
  };
}

function offerTo(to: Trial, offer: Identity): boolean {
  return to.offer(offer, { layer: "sharedFile", source: "/f", keyTail: offer.accessKeyId.slice(-4) });
}

test("Trial.offer() tells a new set from the one that is there", () => {
  const { trial: subject } = trial(old);

  assert.equal(offerTo(subject, { ...old }), false);
  assert.equal(offerTo(subject, { ...old, sessionToken: "t" }), true);
  assert.equal(offerTo(subject, next), true);
});

test("Trial signs with the newest set when nothing was refused", () => {
  const { trial: subject, key } = trial(old);
  subject.accept(old);
  offerTo(subject, next);

  assert.equal(key(), "NEXT");
});

test("Trial falls back to the accepted set when the newest is refused, and tries the newest again ever more seldom", async () => {
  const { trial: subject, key, clock } = trial(old);
  subject.accept(old);
  offerTo(subject, next);
  const retriedAfter: number[] = [];

  for (let attempt = 0; attempt < 7; attempt++) {
    subject.refuse(next);
    assert.equal(key(), "OLD");
    let seconds = 0;
    for (; key() === "OLD"; seconds++) await clock.advance(1_000);
    retriedAfter.push(seconds);
  }

  assert.deepEqual(retriedAfter, [1, 2, 4, 8, 16, 30, 30]);
});

test("Trial stays with the newest set when it is accepted after having been refused", async () => {
  const { trial: subject, key, clock } = trial(old);
  subject.accept(old);
  offerTo(subject, next);
  subject.refuse(next);
  await clock.advance(1_000);
  subject.accept(next);

  assert.equal(key(), "NEXT");
});

test("Trial has nothing usable when the only set is refused", async () => {
  const { trial: subject, clock } = trial(old);
  subject.refuse(old);
  await clock.advance(600_000);

  assert.equal(subject.usable, undefined);
});

test("Trial does not fall back to a set that was never accepted into", () => {
  const { trial: subject } = trial(old, next);
  subject.refuse(next);

  assert.equal(subject.usable, undefined);
});

test("Trial tries a successor again for a minute when the set before it is refused as well", async () => {
  const { trial: subject, clock, usable } = trial(old);
  subject.accept(old);
  subject.refuse(old);
  offerTo(subject, next);
  subject.refuse(next);

  assert.equal(usable(), undefined);
  await clock.advance(1_000);
  assert.equal(usable(), "NEXT");
  await clock.advance(60_000);
  assert.equal(usable(), undefined);
});

test("Trial forgets the replaced set a minute after its successor was accepted", async () => {
  const { trial: subject, key, clock } = trial(old);
  subject.accept(old);
  offerTo(subject, next);
  subject.accept(next);
  await clock.advance(60_000);
  subject.refuse(next);

  assert.equal(subject.usable, undefined);
  assert.equal(key(), "NEXT");
});

test("Trial keeps the accepted set to fall back to when the newest is replaced before it was accepted", () => {
  const { trial: subject, key } = trial(old);
  subject.accept(old);
  offerTo(subject, next);
  offerTo(subject, third);
  subject.refuse(third);

  assert.equal(key(), "OLD");
});

test("Trial goes back when the source holds the set of before again", () => {
  const { trial: subject, key } = trial(old);
  subject.accept(old);
  offerTo(subject, next);
  subject.refuse(next);

  assert.equal(offerTo(subject, { ...old }), true);
  assert.equal(key(), "OLD");
  assert.equal(subject.untried, true);
});

test("Trial does not fall back to a set that has expired", async () => {
  const clock = new FakeClock();
  const subject = new Trial(clock);
  const short = identity("SHORT", clock.now() + 500);
  offerTo(subject, short);
  subject.accept(short);
  offerTo(subject, next);
  await clock.advance(500);
  subject.refuse(next);

  assert.equal(subject.usable, undefined);
});

test("Trial.refuse() counts the parts that are refused together as one refusal", async () => {
  const { trial: subject, key, clock } = trial(old);
  subject.accept(old);
  offerTo(subject, next);

  assert.equal(subject.refuse(next)?.identity, next);
  for (let part = 0; part < 3; part++) assert.equal(subject.refuse(next), undefined);
  await clock.advance(1_000);
  assert.equal(key(), "NEXT");
});
