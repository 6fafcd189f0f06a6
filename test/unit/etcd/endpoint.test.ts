import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isBackupError } from "../../../src/errors.ts";
import { parseEndpoints } from "../../../src/etcd/endpoint.ts";

const noTls = { caFile: "", certFile: "", keyFile: "", serverName: "", skipVerify: false };

describe("parseEndpoints()", () => {
  for (const [text, url, host, port] of [
    ["127.0.0.1:2379", "http://127.0.0.1:2379", "127.0.0.1", 2379],
    ["http://10.0.0.1:4001", "http://10.0.0.1:4001", "10.0.0.1", 4001],
    ["https://etcd-1.example.com:2379/", "https://etcd-1.example.com:2379", "etcd-1.example.com", 2379],
    ["etcd-1", "http://etcd-1:2379", "etcd-1", 2379],
    ["[::1]:2380", "http://[::1]:2380", "::1", 2380],
    [" HTTPS://[fe80::1]", "https://[fe80::1]:2379", "fe80::1", 2379],
  ] as const) {
    it(`reads "${text}" as ${url}`, () => {
      const isSecure = url.startsWith("https");
      assert.deepEqual(parseEndpoints({ endpoints: [text], tls: noTls }), [{ url, host, port, isSecure }]);
    });
  }

  it("takes https for what has no scheme when any key of tls is set", () => {
    for (const key of [{ caFile: "ca.crt" }, { serverName: "etcd" }, { skipVerify: true }]) {
      const tls = { ...noTls, ...key };
      const urls = parseEndpoints({ endpoints: ["a:1", "http://b:2"], tls }).map(({ url }) => url);
      assert.deepEqual(urls, ["https://a:1", "http://b:2"]);
    }
  });

  for (const endpoints of [[], [""], ["ftp://a:1"], ["a:b"], ["a:99999"], ["::1:2379"], ["a:1/v2"], ["user@a b:1"]]) {
    it(`says CONFIG_INVALID to ${JSON.stringify(endpoints)}`, () => {
      assert.throws(
        () => parseEndpoints({ endpoints, tls: noTls }),
        (error) => isBackupError(error, "CONFIG_INVALID"),
      );
    });
  }
});
