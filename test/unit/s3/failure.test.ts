import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BackupError } from "../../../src/errors.ts";
import { classify, type FailureKind, retryAfterMs } from "../../../src/s3/failure.ts";

const answer = (status: number, headers: Record<string, string> = {}) => ({ status, headers });

describe("classify()", () => {
  const service: [status: number, code: string, uploading: boolean, kind: FailureKind][] = [
    [503, "SlowDown", false, "throttled"],
    [503, "ServiceUnavailable", false, "throttled"],
    [429, "TooManyRequests", false, "throttled"],
    [500, "InternalError", false, "broken"],
    [408, "RequestTimeout", false, "broken"],
    [400, "RequestTimeout", false, "broken"],
    [400, "BadDigest", true, "broken"],
    [409, "ConditionalRequestConflict", false, "broken"],
    [403, "InvalidAccessKeyId", false, "credentials"],
    [403, "SignatureDoesNotMatch", true, "credentials"],
    [400, "ExpiredToken", false, "credentials"],
    [403, "AccessDenied", true, "credentials"],
    [403, "AccessDenied", false, "refused"],
    [404, "NoSuchBucket", true, "refused"],
    [403, "RequestTimeTooSkewed", true, "refused"],
    [501, "NotImplemented", false, "refused"],
    [507, "InsufficientStorage", false, "refused"],
    [301, "PermanentRedirect", false, "refused"],
  ];
  for (const [status, Code, uploading, kind] of service) {
    it(`sorts ${status} ${Code}${uploading ? " in an upload" : ""} as ${kind}`, () => {
      const error = Object.assign(new Error("UnknownError"), { Code });
      const failure = classify(error, answer(status), uploading);
      assert.deepEqual([failure.kind, failure.code, failure.detail], [kind, Code, ""]);
    });
  }

  for (const [code, kind] of [
    ["ECONNRESET", "broken"],
    ["ECONNREFUSED", "broken"],
    ["ESTALLED", "broken"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "refused"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "refused"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "refused"],
  ] as const) {
    it(`sorts ${code} as ${kind}`, () => {
      assert.equal(classify(Object.assign(new Error("x"), { code }), undefined, true).kind, kind);
    });
  }

  it("takes the region from the header or the body", () => {
    const moved = classify(new Error("x"), answer(301, { "x-amz-bucket-region": "eu-west-3" }), false);
    assert.deepEqual([moved.kind, moved.region], ["region", "eu-west-3"]);
    const error = Object.assign(new Error("x"), { Code: "AuthorizationHeaderMalformed", Region: "eu-west-3" });
    assert.deepEqual(classify(error, answer(400), false).kind, "region");
  });

  it("does not try again what we refuse ourselves after a good answer", () => {
    assert.equal(classify(new BackupError("STORE_REFUSED", "Cannot x"), answer(200), true).kind, "refused");
  });

  it("tries again when a successful answer was cut or is no XML", () => {
    assert.equal(classify(new SyntaxError("x"), answer(200), false).kind, "broken");
  });
});

it("retryAfterMs() reads seconds and dates, and bears nonsense", () => {
  const now = Date.parse("2026-01-05T00:00:00Z");
  assert.equal(retryAfterMs(answer(503, { "retry-after": "7" }), now), 7000);
  assert.equal(retryAfterMs(answer(503, { "retry-after": "Mon, 05 Jan 2026 00:00:09 GMT" }), now), 9000);
  assert.equal(retryAfterMs(answer(503, { "retry-after": "86400" }), now), 300_000);
  assert.equal(retryAfterMs(answer(503, { "retry-after": "soon" }), now), 0);
  assert.equal(retryAfterMs(undefined, now), 0);
});
