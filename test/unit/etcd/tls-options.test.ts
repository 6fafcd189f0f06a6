import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSecureContext, type PeerCertificate } from "node:tls";
import type { Endpoint } from "../../../src/etcd/endpoint.ts";
import { tlsOptions } from "../../../src/etcd/tls-options.ts";

const context = createSecureContext({});
const at = (host: string): Endpoint => ({ url: `https://${host}:2379`, host, port: 2379, isSecure: true });

describe("tlsOptions()", () => {
  for (const { host, serverName, sent, checked } of [
    { host: "etcd-1.example.com", serverName: "", sent: "etcd-1.example.com", checked: "DNS:etcd-1.example.com" },
    { host: "10.0.0.1", serverName: "", sent: undefined, checked: "IP Address:10.0.0.1" },
    { host: "::1", serverName: "", sent: undefined, checked: "IP Address:0:0:0:0:0:0:0:1" },
    { host: "10.0.0.1", serverName: "etcd.local", sent: "etcd.local", checked: "DNS:etcd.local" },
    { host: "etcd.local", serverName: "10.0.0.1", sent: undefined, checked: "IP Address:10.0.0.1" },
  ]) {
    it(`sends ${sent ?? "no name"} and wants ${checked} for "${host}" with serverName "${serverName}"`, () => {
      const options = tlsOptions(at(host), { serverName, skipVerify: false }, context);
      assert.equal(options.servername, sent);
      assert.equal(options.checkServerIdentity?.("whatever", certificateFor(checked)), undefined);
      assert.ok(options.checkServerIdentity?.("whatever", certificateFor("DNS:other, IP Address:10.9.9.9")));
    });
  }

  it("speaks HTTP/2, and verifies unless it shall not", () => {
    assert.deepEqual(tlsOptions(at("a"), { serverName: "", skipVerify: false }, context).ALPNProtocols, ["h2"]);
    assert.equal(tlsOptions(at("a"), { serverName: "", skipVerify: false }, context).rejectUnauthorized, true);
    assert.equal(tlsOptions(at("a"), { serverName: "", skipVerify: true }, context).rejectUnauthorized, false);
  });
});

function certificateFor(subjectaltname: string): PeerCertificate {
  const name = { C: "", ST: "", L: "", O: "", OU: "", CN: "" };
  return {
    ca: false,
    raw: Buffer.alloc(0),
    subject: name,
    issuer: name,
    valid_from: "",
    valid_to: "",
    serialNumber: "",
    fingerprint: "",
    fingerprint256: "",
    fingerprint512: "",
    subjectaltname,
  };
}
