import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BackupError } from "../../../src/errors.ts";
import { connectionError } from "../../../src/etcd/connection-errors.ts";
import { CallRefused, isAuthDisabled, isFromEtcd, isTokenRefused, translate } from "../../../src/etcd/errors.ts";

describe("translate()", () => {
  for (const [code, message, expected, hint] of [
    [3, "etcdserver: user name is empty", "ETCD_REFUSED", /etcd\.auth\.username/],
    [2, "auth: user name is empty", "ETCD_REFUSED", /etcd\.auth\.username/],
    [3, "etcdserver: authentication failed, invalid user ID or password", "ETCD_REFUSED", /passwordFile/],
    [7, "etcdserver: permission denied", "ETCD_REFUSED", /grant-role/],
    [2, "auth: permission denied", "ETCD_REFUSED", /grant-role/],
    [16, "etcdserver: invalid auth token", "ETCD_REFUSED", /passwordFile/],
    [14, "etcdserver: rpc not supported for learner", "ETCD_UNAVAILABLE", /promote/],
    [14, "etcdserver: request timed out", "ETCD_UNAVAILABLE", /quorum/],
    [14, "etcdserver: no leader", "ETCD_UNAVAILABLE", /quorum/],
    [4, "context deadline exceeded", "ETCD_UNAVAILABLE", /overloaded/],
    [8, "etcdserver: too many requests", "ETCD_UNAVAILABLE", /endpoint health/],
    [12, "", "ETCD_UNAVAILABLE", /endpoint health/],
  ] as const) {
    it(`makes ${expected} of status ${code} "${message}"`, () => {
      const error = translate("take a snapshot", new CallRefused({ code, message }));
      assert.ok(error instanceof BackupError);
      assert.equal(error.code, expected);
      assert.equal(error.message, `Cannot take a snapshot: ${message || "gRPC status 12"}`);
      assert.match(error.hint ?? "", hint);
    });
  }

  it("leaves all other errors as they are", () => {
    const error = new TypeError("a bug");
    assert.equal(translate("take a snapshot", error), error);
  });
});

describe("refusals", () => {
  const refused = (code: number, message: string) => new CallRefused({ code, message });

  it("isTokenRefused() knows a forgotten token and one from before a change of users", () => {
    assert.equal(isTokenRefused(refused(16, "etcdserver: invalid auth token")), true);
    assert.equal(isTokenRefused(refused(3, "etcdserver: revision of auth store is old")), true);
    assert.equal(isTokenRefused(refused(7, "etcdserver: permission denied")), false);
    assert.equal(isTokenRefused(new Error("etcdserver: invalid auth token")), false);
  });

  it("isAuthDisabled() knows a cluster without users", () => {
    assert.equal(isAuthDisabled(refused(9, "etcdserver: authentication is not enabled")), true);
    assert.equal(isAuthDisabled(refused(9, "etcdserver: something else")), false);
  });

  it("isFromEtcd() tells etcd's words from those of the connection", () => {
    assert.equal(isFromEtcd({ code: 14, message: "etcdserver: request timed out" }), true);
    assert.equal(isFromEtcd({ code: 14, message: "No connection established" }), false);
  });
});

describe("connectionError()", () => {
  for (const [code, expected, why, hint] of [
    ["ECONNREFUSED", "ETCD_UNAVAILABLE", /connection refused/, /etcd\.endpoints/],
    ["ENOTFOUND", "ETCD_UNAVAILABLE", /name is not known/, /DNS/],
    ["EHOSTUNREACH", "ETCD_UNAVAILABLE", /EHOSTUNREACH/, /etcd\.endpoints/],
    ["CERT_HAS_EXPIRED", "ETCD_REFUSED", /not valid now/, /Renew/],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "ETCD_REFUSED", /another name/, /serverName/],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "ETCD_REFUSED", /not signed/, /caFile/],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "ETCD_REFUSED", /not signed/, /caFile/],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "ETCD_REFUSED", /our client certificate/, /certFile/],
    ["ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE", "ETCD_REFUSED", /our client certificate/, /certFile/],
    ["ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED", "ETCD_REFUSED", /our client certificate/, /enddate/],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "ETCD_REFUSED", /does not speak TLS/, /http:/],
    ["ECONNRESET", "ETCD_REFUSED", /closed the connection/, /client certificate/],
  ] as const) {
    it(`makes ${expected} of ${code}`, () => {
      const cause = Object.assign(new Error(`connect ${code}`), { code });
      const error = connectionError({ url: "https://a:1", host: "a", port: 1, isSecure: true }, cause);
      assert.equal(error.code, expected);
      assert.match(error.message, /^Cannot connect to etcd at "https:\/\/a:1": /);
      assert.match(error.message, why);
      assert.match(error.hint ?? "", hint);
    });
  }

  it("thinks of TLS when a plain connection is closed", () => {
    const error = connectionError({ url: "http://a:1", host: "a", port: 1, isSecure: false }, new Error("closed"));
    assert.match(error.hint ?? "", /https:/);
  });
});
