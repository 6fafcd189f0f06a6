import assert from "node:assert/strict";
import { Agent } from "node:https";
import { describe, it } from "node:test";
import { proxyVariables } from "../../../src/config/proxy.ts";
import { isBackupError } from "../../../src/errors.ts";

describe("proxyVariables()", () => {
  it("is s3.proxy alone when that is set, and nothing for none", () => {
    const environment = { HTTPS_PROXY: "http://other:1", NO_PROXY: "*" };
    assert.deepEqual(proxyVariables("http://p:1", environment), {
      HTTP_PROXY: "http://p:1/",
      HTTPS_PROXY: "http://p:1/",
    });
    assert.equal(proxyVariables("none", environment), undefined);
    assert.equal(proxyVariables("", { NO_PROXY: "*" }), undefined);
  });

  it("takes a proxy without a scheme, as curl and Go do", () => {
    assert.deepEqual(proxyVariables("", { https_proxy: "proxy.corp:3128" }), {
      https_proxy: "http://proxy.corp:3128/",
    });
  });

  it("gives NO_PROXY the meaning that it has for Go: domains with those below them, and CIDR blocks", () => {
    const variables = proxyVariables("", {
      HTTPS_PROXY: "http://p:1",
      NO_PROXY: "10.1.2.3/8, example.com,.svc,corp,10.0.0.7,1and1.com",
    });
    assert.equal(
      variables?.["no_proxy"],
      "10.0.0.0-10.255.255.255,example.com,.example.com,.svc,corp,.corp,10.0.0.7,1and1.com,.1and1.com",
    );
  });

  it("gives Node a form that it neither overlooks nor throws with the password in it", () => {
    const proxies = proxyVariables("", { HTTPS_PROXY: "HTTP://bob:hunter2@proxy:1\n" });
    assert.deepEqual(proxies, { HTTPS_PROXY: "http://bob:hunter2@proxy:1/" });
    assert.ok(new Agent({ proxyEnv: proxies }));
  });

  it("refuses a bare % in s3.proxy as well", () => {
    assert.throws(() => proxyVariables("http://bob:hunter2%@proxy:1", {}), {
      code: "CONFIG_INVALID",
      message: /^(?!.*hunter2).*s3\.proxy/,
    });
  });

  for (const value of [
    "http://bob:hunter2@proxy:99999",
    "http://bob:hunter2%@proxy:1",
    "socks5://bob:hunter2@proxy:1",
  ]) {
    it(`refuses ${value.replace("hunter2", "…")} and names the variable, not the value`, () => {
      assert.throws(
        () => proxyVariables("", { HTTPS_PROXY: value }),
        (error) => {
          assert.ok(isBackupError(error, "CONFIG_INVALID"));
          assert.match(error.message, /\$HTTPS_PROXY/);
          assert.doesNotMatch(`${error.message} ${error.hint} ${error.cause}`, /hunter2/);
          return true;
        },
      );
    });
  }
});
