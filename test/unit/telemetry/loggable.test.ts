import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BackupError } from "../../../src/errors.ts";
import { loggable } from "../../../src/telemetry/loggable.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

test("loggable() writes instants as RFC 3339 and leaves other numbers alone", () => {
  const fields = { tick: 1_790_000_000_000, retryAt: 1_790_000_005_500, bytes: 1_790_000_000_000, at: 3, attempt: 2 };

  assert.deepEqual(loggable(fields), {
    tick: "2026-09-21T14:13:20.000Z",
    retryAt: "2026-09-21T14:13:25.500Z",
    bytes: 1_790_000_000_000,
    at: 3,
    attempt: 2,
  });
});

test("loggable() gives a BackupError's code, message, hint and causes, and no stack", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:2379"), { code: "ECONNREFUSED" });
  const error = new BackupError("ETCD_UNAVAILABLE", 'Cannot reach etcd at "127.0.0.1:2379"', {
    hint: "Start etcd",
    cause: refused,
  });

  const { err } = loggable({ err: error });

  assert.deepEqual(JSON.parse(JSON.stringify(err)), {
    code: "ETCD_UNAVAILABLE",
    message: 'Cannot reach etcd at "127.0.0.1:2379"',
    hint: "Start etcd",
    cause: { name: "Error", code: "ECONNREFUSED", message: "connect ECONNREFUSED 127.0.0.1:2379" },
  });
});

test("loggable() keeps the stack of an error that is a bug", () => {
  const text = JSON.stringify(loggable({ err: new TypeError("x is not a function") }));

  assert.match(text, /"name":"TypeError","message":"x is not a function","stack":"TypeError.*loggable\.test\.ts/);
});

test("loggable() says what each attempt met when an AggregateError says nothing itself", () => {
  const error = new AggregateError([
    new Error("connect ECONNREFUSED ::1"),
    new Error("connect ECONNREFUSED 127.0.0.1"),
  ]);

  assert.match(
    JSON.stringify(loggable({ err: error })),
    /"connect ECONNREFUSED ::1; connect ECONNREFUSED 127\.0\.0\.1"/,
  );
});

test("loggable() lets no secret through, however deep it lies", () => {
  const deep = new BackupError("CREDENTIALS_REJECTED", "Cannot sign", {
    hint: `Not ${SECRET}`,
    cause: new Error("outer", { cause: new Error(`inner ${SECRET}`) }),
  });
  const fields = {
    err: deep,
    bug: Object.assign(new TypeError(SECRET), { request: { headers: { authorization: SECRET } } }),
    list: [{ secretAccessKey: "short" }],
    map: new Map([["password", "hunter2"]]),
  };

  const text = JSON.stringify(loggable(fields));

  for (const secret of [SECRET, "short", "hunter2"]) assert.ok(!text.includes(secret), text);
});

test("loggable() survives whatever it is given", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  const keyed = new Map<unknown, unknown>([[{ toString: "" }, 1]]);
  const error = new Error("round");
  error.cause = error;

  const text = JSON.stringify(
    loggable({ cycle, error, keyed, big: 2n ** 63n, bytes: new Uint8Array(3), bad: new Date(Number.NaN) }),
  );

  assert.match(text, /"big":"9223372036854775808","bytes":"3 bytes","bad":"invalid"/);
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withDate: true, withMap: true })),
      (fields) => {
        JSON.stringify(loggable(fields));
      },
    ),
  );
});
