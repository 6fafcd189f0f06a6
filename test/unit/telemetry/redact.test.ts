import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isSecretName, REDACTED, redactText } from "../../../src/telemetry/redact.ts";

// AWS's own documentation examples; no account has them.
const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN = `IQoJb3JpZ2luX2VjEXAMPLE${"aB3/".repeat(60)}==`;

test("redactText() takes out whatever gives a secret away by its form", () => {
  const cases = {
    [`refused: ${SECRET}`]: `refused: ${REDACTED}`,
    [`aws_secret_access_key = ${SECRET}`]: `aws_secret_access_key = ${REDACTED}`,
    "aws_session_token=short": `aws_session_token=${REDACTED}`,
    [`token "${TOKEN}" expired`]: `token "${REDACTED}" expired`,
    [`{"SecretAccessKey":"short"}`]: `{"SecretAccessKey":"${REDACTED}"}`,
    "Authorization: Bearer abc.def": `Authorization: ${REDACTED}`,
    "password: hunter2, user: root": `password: ${REDACTED}, user: root`,
    "proxy http://user:hunter2@proxy:3128 refused": `proxy http://${REDACTED}@proxy:3128 refused`,
    "jwt eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl": `jwt ${REDACTED}`,
    "-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY----- is bad": `${REDACTED} is bad`,
    "https://b/k?X-Amz-Signature=0123abcd&x=1": `https://b/k?X-Amz-Signature=${REDACTED}&x=1`,
    "key AKIAIOSFODNN7EXAMPLE is unknown": "key …MPLE is unknown",
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(redactText(text), expected);
});

test("redactText() leaves alone what operators need", () => {
  const kept = [
    `digest ${"0123456789abcdef".repeat(4)} does not match`,
    `commit ${"0123456789abcdef0123".repeat(2)}`,
    "s3://bucket/folder/default/snapshots/ark-cp-1-20261123T225501123Z-abcd",
    "/var/lib/rancher/k3s/server/tls/etcd/server-client.key",
    "/opt/backup/cluster/snapshots/wednesdays",
    'Cannot read "/root/.aws/credentials": the file has no section "[default]"',
    "the security token included in the request is expired",
    "https://s3.eu-central-1.amazonaws.com:443/bucket",
    "root@cp-1",
  ];
  for (const text of kept) assert.equal(redactText(text), text);
});

test("redactText() takes out every AWS secret, whatever stands around it", () => {
  const base64 = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+"];
  const secret = fc
    .string({ unit: fc.constantFrom(...base64), minLength: 40, maxLength: 40 })
    .filter((text) => /[a-z]/.test(text) && /[A-Z]/.test(text));
  const around = fc.constantFrom("", " ", '"', "'", ": ", "(", ")", "\n", ",");
  fc.assert(
    fc.property(secret, around, around, (text, before, after) => {
      assert.ok(!redactText(`refused${before || " "}${text}${after}`).includes(text));
    }),
  );
});

test("isSecretName() tells a secret from the file that holds it", () => {
  for (const name of ["secretAccessKey", "secret_key", "AWS_SESSION_TOKEN", "password"]) assert.ok(isSecretName(name));
  for (const name of ["passwordFile", "accessKeyId", "keyTail", "key", "tokens"]) assert.ok(!isSecretName(name));
});
