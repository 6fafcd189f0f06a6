import assert from "node:assert/strict";
import { it } from "node:test";
import { readCa } from "../../../src/s3/agents.ts";
import { normalizeFolder } from "../../../src/s3/bucket.ts";
import { regionOfHost, resolveEndpoint } from "../../../src/s3/endpoint.ts";

it("resolveEndpoint() addresses AWS by virtual host and other services by path", () => {
  assert.deepEqual(resolveEndpoint("", "auto"), { url: undefined, isTls: true, pathStyle: false });
  assert.equal(resolveEndpoint("https://s3.eu-west-3.amazonaws.com", "auto").pathStyle, false);
  assert.equal(resolveEndpoint("http://minio:9000", "auto").pathStyle, true);
  assert.equal(resolveEndpoint("http://minio:9000", "virtual").pathStyle, false);
  assert.equal(resolveEndpoint("", "path").pathStyle, true);
});

it("regionOfHost() finds the region in the names of AWS, and in no others", () => {
  const regions = {
    "https://s3.us-east-1.amazonaws.com": "us-east-1",
    "s3-us-west-2.amazonaws.com": "us-west-2",
    "https://s3.dualstack.eu-west-3.amazonaws.com": "eu-west-3",
    "https://s3-fips.us-gov-west-1.amazonaws.com": "us-gov-west-1",
    "https://bucket.vpce-1a2b-3c4d.s3.ap-southeast-2.vpce.amazonaws.com": "ap-southeast-2",
    "https://s3.cn-north-1.amazonaws.com.cn": "cn-north-1",
    "https://s3.amazonaws.com": undefined,
    "https://s3.eu-west-3.example.com": undefined,
    "": undefined,
  };
  for (const [endpoint, region] of Object.entries(regions)) assert.equal(regionOfHost(endpoint), region, endpoint);
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

it("readCa() takes base64 of PEM, and refuses what holds no certificate", () => {
  const pem = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";
  assert.equal(readCa(Buffer.from(pem).toString("base64")), pem);
  assert.throws(() => readCa("/nonexistent/ca.pem"), { code: "CONFIG_INVALID" });
  assert.throws(() => readCa("package.json"), { code: "CONFIG_INVALID" });
});

it("normalizeFolder() leaves one slash at the end", () => {
  assert.deepEqual(["", "/", "a", "/a/b/"].map(normalizeFolder), ["", "", "a/", "a/b/"]);
});
