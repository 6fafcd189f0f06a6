import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { redact, redactedError } from "../../../src/credentials/redact.ts";

const secret = "hunter2-of-the-test";

test("redact() hides known secrets, whatever is as long as one, and line breaks", () => {
  const token = "A".repeat(20) + "b/+=".repeat(10);

  assert.equal(redact(`run ${secret}\n  with ${token} failed`, [secret]), "run … with … failed");
});

test("redact() hides the longer secret whole when another is a part of it", () => {
  assert.equal(redact("say secret-word-2", ["secret-word", "secret-word-2"]), "say …");
});

test("redactedError() carries no secret in message, cause, stack or property", () => {
  const cause = Object.assign(new Error(`inner ${secret}`), { request: { headers: { authorization: secret } } });
  const error = Object.assign(new TypeError(`outer ${secret}`, { cause }), { $response: { body: secret } });

  const redacted = redactedError(error, [secret]);

  assert.equal(redacted.name, "TypeError");
  assert.equal(redacted.message, "outer …");
  assert.doesNotMatch(inspect(redacted, { depth: 10, showHidden: true }), new RegExp(secret));
  assert.match(inspect(redacted), /inner …/);
});

test("redactedError() ends when causes go in a circle", () => {
  const error = new Error("round");
  error.cause = error;

  assert.equal(redactedError(error, []).message, "round");
});

test("redactedError() takes what is no error by its text", () => {
  assert.equal(redactedError(`thrown ${secret}`, [secret]).message, "thrown …");
});
