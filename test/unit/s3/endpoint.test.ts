import assert from "node:assert/strict";
import { it } from "node:test";
import { proxyVariables, readCa } from "../../../src/s3/agents.ts";
import { normalizeFolder } from "../../../src/s3/bucket.ts";
import { resolveEndpoint } from "../../../src/s3/endpoint.ts";

it("resolveEndpoint() addresses AWS by virtual host and other services by path", () => {
  assert.deepEqual(resolveEndpoint("", "auto"), { url: undefined, isTls: true, pathStyle: false });
  assert.equal(resolveEndpoint("https://s3.eu-west-3.amazonaws.com", "auto").pathStyle, false);
  assert.equal(resolveEndpoint("http://minio:9000", "auto").pathStyle, true);
  assert.equal(resolveEndpoint("http://minio:9000", "virtual").pathStyle, false);
  assert.equal(resolveEndpoint("", "path").pathStyle, true);
});

it("resolveEndpoint() takes https where no scheme is given", () => {
  assert.deepEqual(resolveEndpoint("s3.example.com:9000", "auto").url, "https://s3.example.com:9000/");
  assert.equal(resolveEndpoint("http://[::1]:9000", "auto").isTls, false);
});

it("resolveEndpoint() refuses what is no URL of a service", () => {
  for (const endpoint of ["ftp://x", "https://user:pw@host", "http://", "a b"]) {
    assert.throws(() => resolveEndpoint(endpoint, "auto"), { code: "CONFIG_INVALID" });
  }
});

it("proxyVariables() takes the configured proxy, none, or the usual variables", () => {
  const environment = { HTTPS_PROXY: "http://env:1", NO_PROXY: "x", PATH: "/bin" };
  assert.deepEqual(proxyVariables("", environment), { HTTPS_PROXY: "http://env:1", NO_PROXY: "x" });
  assert.deepEqual(proxyVariables("http://p:2", environment), { HTTP_PROXY: "http://p:2", HTTPS_PROXY: "http://p:2" });
  assert.equal(proxyVariables("none", environment), undefined);
  assert.equal(proxyVariables("", {}), undefined);
});

it("readCa() takes base64 of PEM, and refuses what holds no certificate", () => {
  const pem = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";
  assert.equal(readCa(Buffer.from(pem).toString("base64")), pem);
  assert.throws(() => readCa("/nonexistent/ca.pem"), { code: "CONFIG_INVALID" });
  assert.throws(() => readCa("package.json"), { code: "CONFIG_INVALID" });
});

it("normalizeFolder() leaves one slash at the end", () => {
  assert.deepEqual(["", "/", "a", "/a/b/"].map(normalizeFolder), ["", "", "a/", "a/b/"]);
});
