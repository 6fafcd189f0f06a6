import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import type { Loader, Urgency } from "../../../src/credentials/loader.ts";
import { LiveSource } from "../../../src/credentials/source.ts";
import { BackupError } from "../../../src/errors.ts";
import type { CredentialsDescription, Identity } from "../../../src/ports/credentials.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const { signal } = new AbortController();
const identity = (id: string): Identity => ({ accessKeyId: `AKIA${id}`, secretAccessKey: `secret-of-${id}` });
const broken = new BackupError("CREDENTIALS_INVALID", "Cannot read it", { hint: "Mend it" });
const missing = new BackupError("CREDENTIALS_MISSING", "Cannot find any");

/** A layer that holds what the test puts there. */
class MemoryLoader implements Loader {
  held: Identity | BackupError;
  readonly asked: Urgency[] = [];

  constructor(held: Identity | BackupError) {
    this.held = held;
  }

  load: Loader["load"] = async (urgency) => {
    this.asked.push(urgency);
    if (this.held instanceof BackupError) throw this.held;
    const renewAt = this.held.expiresAt === undefined ? {} : { renewAt: this.held.expiresAt - 300_000 };
    return { identity: this.held, layer: "sharedFile", source: "/credentials", profile: "default", ...renewAt };
  };
}

function open(held: Identity | BackupError) {
  const clock = new FakeClock();
  const loader = new MemoryLoader(held);
  const changes: CredentialsDescription[] = [];
  const rejected: { keyTail: string; error: unknown }[] = [];
  const warnings: { message: string; fields: unknown }[] = [];
  const source = new LiveSource({
    loader,
    clock,
    watched: [],
    onChange: (description) => changes.push(description),
    onRejected: ({ keyTail, error }) => rejected.push({ keyTail, error }),
    onWarning: (message, fields) => warnings.push({ message, fields }),
  });
  const key = async (): Promise<string> => (await source.current()).accessKeyId;
  return {
    ...{ source, clock, loader, changes, rejected, warnings, key },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

test("LiveSource.current() gives the set and describes it without its secret", async () => {
  await using subject = open({ ...identity("1234"), sessionToken: "token", expiresAt: Date.parse("2027-01-01") });

  assert.equal((await subject.source.current()).secretAccessKey, "secret-of-1234");
  assert.deepEqual(subject.source.describe(), {
    layer: "sharedFile",
    source: "/credentials",
    profile: "default",
    keyTail: "1234",
    expiresAt: Date.parse("2027-01-01"),
  });
  assert.deepEqual(subject.changes, [subject.source.describe()]);
});

test("LiveSource.current() rejects while there are none, and works as soon as there are some", async () => {
  await using subject = open(missing);
  await assert.rejects(subject.source.current(), missing);
  await assert.rejects(subject.source.refresh(), missing);
  assert.equal(subject.source.describe(), undefined);

  await subject.clock.advance(10_000);
  assert.deepEqual(subject.warnings, []);
  subject.loader.held = identity("LATE");
  await subject.clock.advance(1_000);

  assert.equal(subject.source.describe()?.keyTail, "LATE");
  assert.equal(await subject.key(), "AKIALATE");
});

test("LiveSource reads again every 60 s, and every second while that fails", async () => {
  await using subject = open(identity("ONE1"));
  await subject.clock.advance(180_000);
  assert.deepEqual(subject.loader.asked, ["poll", "poll", "poll", "poll"]);

  subject.loader.held = broken;
  await subject.clock.advance(60_000 + 5_000);
  assert.equal(subject.loader.asked.length, 4 + 6);
});

test("LiveSource reads again ahead of the expiry", async () => {
  await using subject = open({ ...identity("ONE1"), expiresAt: Date.parse("2026-01-05T00:05:20Z") });
  await subject.clock.advance(19_000);
  assert.equal(subject.loader.asked.length, 1);

  subject.loader.held = identity("TWO2");
  await subject.clock.advance(1_000);
  assert.equal(await subject.key(), "AKIATWO2");
});

test("LiveSource keeps the last good set and says so once, after a second, when the source breaks", async () => {
  await using subject = open(identity("ONE1"));
  await subject.source.current();
  subject.loader.held = broken;
  await subject.source.refresh();
  assert.equal(subject.warnings.length, 0);

  await subject.clock.advance(65_000);

  assert.equal(await subject.key(), "AKIAONE1");
  assert.deepEqual(subject.warnings, [
    {
      message: "credentials cannot be read, the last good set stays in use",
      fields: { keyTail: "ONE1", code: "CREDENTIALS_INVALID", error: "Cannot read it", hint: "Mend it" },
    },
  ]);
});

test("LiveSource says nothing when the source is whole again within a second", async () => {
  await using subject = open(identity("ONE1"));
  await subject.source.current();
  subject.loader.held = broken;
  await subject.source.refresh();
  subject.loader.held = identity("TWO2");
  await subject.source.refresh();
  await subject.clock.advance(65_000);

  assert.deepEqual(subject.warnings, []);
  assert.deepEqual(
    subject.changes.map((change) => change.keyTail),
    ["ONE1", "TWO2"],
  );
});

test("LiveSource.current() rejects with the failure when the set has expired and cannot be renewed", async () => {
  await using subject = open({ ...identity("ONE1"), expiresAt: Date.parse("2026-01-05T00:10:00Z") });
  await subject.source.current();
  subject.loader.held = broken;
  await subject.clock.advance(599_000);
  assert.equal(await subject.key(), "AKIAONE1");

  await subject.clock.advance(1_000);
  await assert.rejects(subject.source.current(), broken);
});

test("LiveSource.replace() rejects at once, without a secret, when nothing better is there and no wait is allowed", async () => {
  await using subject = open(identity("ONE1"));
  const refused = await subject.source.current();
  const cause = Object.assign(new Error("InvalidAccessKeyId"), { $response: refused.secretAccessKey });

  const replacing = subject.source.replace({ identity: refused, cause, waitMs: 0 }, signal);

  await assert.rejects(replacing, (error: unknown) => {
    assert.ok(error instanceof BackupError);
    assert.equal(error.code, "CREDENTIALS_REJECTED");
    assert.match(error.message, /ending in "ONE1" of \/credentials: InvalidAccessKeyId/);
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /secret-of/);
    return true;
  });
  assert.deepEqual(
    subject.rejected.map(({ keyTail }) => keyTail),
    ["ONE1"],
  );
  assert.doesNotMatch(inspect(subject.rejected, { depth: 9, showHidden: true }), /secret-of/);
});

test("LiveSource.replace() waits for a new set, and reads with urgency, when it is written 5 s later", async () => {
  await using subject = open(identity("ONE1"));
  const refused = await subject.source.current();
  let resolved = false;
  const parts = Array.from({ length: 4 }, () =>
    subject.source.replace({ identity: refused, cause: new Error("403"), waitMs: 60_000 }, signal),
  );
  const all = Promise.all(parts).then(() => {
    resolved = true;
  });

  await subject.clock.advance(5_000);
  assert.equal(resolved, false);
  subject.loader.held = identity("TWO2");
  await subject.clock.advance(1_000);
  await all;

  assert.equal(await subject.key(), "AKIATWO2");
  assert.ok(subject.loader.asked.includes("rejected"));
  assert.equal(subject.rejected.length, 1);
});

test("LiveSource.replace() resolves at once when another part has already brought a new set", async () => {
  await using subject = open(identity("ONE1"));
  const refused = await subject.source.current();
  subject.loader.held = identity("TWO2");
  await subject.source.refresh();

  await subject.source.replace({ identity: refused, cause: new Error("403"), waitMs: 0 }, signal);

  assert.equal(await subject.key(), "AKIATWO2");
});

test("LiveSource.replace() returns to the accepted set when its successor is refused", async () => {
  await using subject = open(identity("ONE1"));
  subject.source.accepted(await subject.source.current());
  subject.loader.held = identity("TWO2");
  await subject.source.refresh();
  const successor = await subject.source.current();

  await subject.source.replace({ identity: successor, cause: new Error("403"), waitMs: 0 }, signal);

  assert.equal(await subject.key(), "AKIAONE1");
  assert.equal(subject.source.describe()?.keyTail, "ONE1");
});

test("LiveSource.replace() lets a successor be tried again when the service has yet to learn of it", async () => {
  await using subject = open(identity("ONE1"));
  const first = await subject.source.current();
  subject.source.accepted(first);
  subject.loader.held = identity("TWO2");
  await subject.source.replace({ identity: first, cause: new Error("403"), waitMs: 60_000 }, signal);
  const successor = await subject.source.current();

  const again = subject.source.replace({ identity: successor, cause: new Error("403"), waitMs: 60_000 }, signal);
  await subject.clock.advance(1_000);
  await again;

  assert.equal(await subject.key(), "AKIATWO2");
});

test("LiveSource.replace() rejects with CREDENTIALS_REJECTED when the wait is over", async () => {
  await using subject = open(identity("ONE1"));
  const refused = await subject.source.current();
  const replacing = assert.rejects(
    subject.source.replace({ identity: refused, cause: new Error("403"), waitMs: 60_000 }, signal),
    { code: "CREDENTIALS_REJECTED" },
  );

  await subject.clock.advance(61_000);
  await replacing;
});

test("LiveSource.replace() keeps waiting while the source is broken", async () => {
  await using subject = open(identity("ONE1"));
  const refused = await subject.source.current();
  subject.loader.held = broken;
  const replacing = subject.source.replace({ identity: refused, cause: new Error("403"), waitMs: 60_000 }, signal);
  await subject.clock.advance(3_000);
  subject.loader.held = identity("TWO2");
  await subject.clock.advance(1_000);
  await replacing;

  assert.equal(await subject.key(), "AKIATWO2");
});

test("LiveSource.replace() rejects with the signal's reason when it is aborted", async () => {
  await using subject = open(identity("ONE1"));
  const refused = await subject.source.current();
  const stop = new AbortController();
  const replacing = assert.rejects(
    subject.source.replace({ identity: refused, cause: new Error("403"), waitMs: 60_000 }, stop.signal),
    /stopped/,
  );
  await subject.clock.advance(2_000);
  stop.abort(new Error("stopped"));
  await replacing;
});

test("LiveSource.replace() rejects with the signal's reason while whoever gives the credentials does not answer", async () => {
  await using subject = open(identity("ONE1"));
  const refused = await subject.source.current();
  subject.loader.load = async (_urgency, closing) =>
    await new Promise((_resolve, reject) => closing.addEventListener("abort", () => reject(closing.reason)));
  const stop = new AbortController();

  let failure: unknown;
  subject.source
    .replace({ identity: refused, cause: new Error("403"), waitMs: 60_000 }, stop.signal)
    .catch((error: unknown) => {
      failure = error;
    });
  await subject.clock.advance(0);
  assert.equal(failure, undefined);
  stop.abort(new Error("stopped"));
  await subject.clock.advance(0);

  assert.equal(failure, stop.signal.reason);
});

test("LiveSource.current() rejects with INTERRUPTED when the source was closed before it held a set", async () => {
  const subject = open(missing);
  await subject[Symbol.asyncDispose]();

  await assert.rejects(subject.source.current(), { code: "INTERRUPTED" });
});

test("LiveSource leaves nothing running when it is disposed of", async () => {
  const subject = open(identity("ONE1"));
  await subject.source.current();
  await subject[Symbol.asyncDispose]();

  await subject.clock.advance(120_000);

  assert.equal(subject.clock.sleeping, 0);
});
