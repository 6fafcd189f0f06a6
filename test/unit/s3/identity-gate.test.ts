import assert from "node:assert/strict";
import { it } from "node:test";
import type { CredentialSource, Identity, Rejection } from "../../../src/ports/credentials.ts";
import { IdentityGate } from "../../../src/s3/identity-gate.ts";

const never = new AbortController().signal;
const identity = (accessKeyId: string): Identity => ({ accessKeyId, secretAccessKey: "secret" });

function source(first: Identity) {
  let now = first;
  const asked: Rejection[] = [];
  const waiting = Promise.withResolvers<void>();
  const credentials: CredentialSource = {
    current: async () => now,
    refresh: async () => undefined,
    replace: async (rejection) => {
      asked.push(rejection);
      await waiting.promise;
    },
    accepted: () => undefined,
    describe: () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  const rotate = (next: Identity): void => {
    now = next;
    waiting.resolve();
  };
  return { credentials, asked, rotate, fail: (error: Error) => waiting.reject(error) };
}

const rejection = (refused: Identity): Rejection => ({ identity: refused, cause: "refused", waitMs: 60_000 });

it("IdentityGate asks once for all requests that one identity had signed", async () => {
  const { credentials, asked, rotate } = source(identity("A"));
  const gate = new IdentityGate(credentials);
  const held = [1, 2, 3, 4].map(() => gate.replace(rejection(identity("A")), never));
  rotate(identity("B"));
  await Promise.all(held);
  assert.equal(asked.length, 1);
});

it("IdentityGate does not ask when another identity is in force already", async () => {
  const { credentials, asked } = source(identity("B"));
  await new IdentityGate(credentials).replace(rejection(identity("A")), never);
  assert.equal(asked.length, 0);
});

it("IdentityGate takes a set with another secret or token for another one", async () => {
  for (const more of [{ secretAccessKey: "other" }, { sessionToken: "token" }]) {
    const { credentials, asked } = source({ ...identity("A"), ...more });
    await new IdentityGate(credentials).replace(rejection(identity("A")), never);
    assert.equal(asked.length, 0);
  }
});

it("IdentityGate tells all who wait that there is none", async () => {
  const { credentials, fail } = source(identity("A"));
  const gate = new IdentityGate(credentials);
  const held = [1, 2].map(() => gate.replace(rejection(identity("A")), never));
  fail(new Error("none came"));
  for (const each of held) await assert.rejects(each, /none came/);
});

it("IdentityGate admits nobody under a refused identity until it is replaced", async () => {
  const { credentials, rotate } = source(identity("A"));
  const gate = new IdentityGate(credentials);
  assert.deepEqual(await gate.admit(never), identity("A"));
  const held = gate.replace(rejection(identity("A")), never);
  const admitted = gate.admit(never);
  const first = await Promise.race([admitted, new Promise((resolve) => setImmediate(resolve, "held"))]);
  assert.equal(first, "held");
  rotate(identity("B"));
  await held;
  assert.deepEqual(await admitted, identity("B"));
});

it("IdentityGate admits nobody when none came", async () => {
  const { credentials, fail } = source(identity("A"));
  const gate = new IdentityGate(credentials);
  const held = gate.replace(rejection(identity("A")), never);
  await new Promise(setImmediate);
  const admitted = gate.admit(never);
  fail(new Error("none came"));
  await assert.rejects(held, /none came/);
  await assert.rejects(admitted, /none came/);
});

it("IdentityGate waits no longer than its caller does", async () => {
  const { credentials } = source(identity("A"));
  const gate = new IdentityGate(credentials);
  const stop = new AbortController();
  const reason = new Error("stop");
  const waiting = [gate.replace(rejection(identity("A")), stop.signal), gate.admit(stop.signal)];
  stop.abort(reason);
  for (const each of waiting) await assert.rejects(each, (error) => error === reason);
});
