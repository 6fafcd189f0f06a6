import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { after, before, describe, it, mock } from "node:test";
import { PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import { systemClock } from "../../src/app/system-clock.ts";
import type { S3Config } from "../../src/config/schema.ts";
import { BackupError, type ErrorCode } from "../../src/errors.ts";
import { testBucket } from "../support/aws.ts";
import { createAuthority } from "../support/certificates.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { reservePort } from "../support/ports.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { never, TestCredentials, testStore } from "./s3-rig.ts";

describe("what the S3 store says when everything is wrong", () => {
  let rgw: Rgw;
  let bucket: string;

  before(async () => {
    rgw = await startRgw({ shared: true });
    bucket = await rgw.createBucket();
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
  });

  interface Wrong {
    readonly endpoint?: string;
    readonly bucket?: string;
    readonly keys?: Partial<{ accessKeyId: string; secretAccessKey: string; sessionToken: string }>;
    readonly config?: Partial<S3Config>;
    readonly region?: string;
    readonly warnings?: string[];
  }

  const failWith = async (wrong: Wrong, expected: { code: ErrorCode; message: RegExp; hint: RegExp }) => {
    const { keys, ...options } = wrong;
    const credentials = new TestCredentials({
      accessKeyId: rgw.accessKeyId,
      secretAccessKey: rgw.secretAccessKey,
      ...keys,
    });
    await using store = testStore({ endpoint: rgw.endpoint, bucket, credentials, ...options });
    for (const attempt of [
      () => Array.fromAsync(store.list("default/", never)),
      () => store.create("default/x.json", Buffer.from("{}"), never),
    ]) {
      await assert.rejects(attempt, (error) => {
        assert.ok(error instanceof BackupError, String(error));
        assert.equal(error.code, expected.code);
        assert.match(error.message, expected.message);
        assert.match(error.hint ?? "", expected.hint);
        assert.ok(!`${error.message}${error.hint}`.includes(rgw.secretAccessKey));
        return true;
      });
    }
  };

  const serve = async (listener: RequestListener) => {
    const server = createServer(listener).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    return {
      url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        server.close();
      },
    };
  };

  it("names the secret key when the secret is wrong", async () => {
    const expected = { code: "CREDENTIALS_REJECTED", message: /secret key does not fit/, hint: /the test/ } as const;
    await failWith({ keys: { secretAccessKey: "wrong" } }, expected);
  });

  it("names the access key's last four characters when the key is unknown", async () => {
    const expected = {
      code: "CREDENTIALS_REJECTED",
      message: /does not know access key "…WXYZ"/,
      hint: /access key/,
    } as const;
    await failWith({ keys: { accessKeyId: "AKUNKNOWNWXYZ" } }, expected);
  });

  it("says that a session token has expired", async () => {
    await using proxy = await startFaultProxy(rgw.endpoint, { http: true });
    proxy.inject({ times: 99, do: { answer: 400, code: "ExpiredToken" } });
    const expected = { code: "CREDENTIALS_REJECTED", message: /session token has expired/, hint: /renew/ } as const;
    await failWith({ endpoint: proxy.url }, expected);
  });

  it("names the bucket that does not exist", async () => {
    const expected = {
      code: "STORE_REFUSED",
      message: /bucket "no-such-bucket" does not exist/,
      hint: /s3\.bucket/,
    } as const;
    await failWith({ bucket: "no-such-bucket" }, expected);
  });

  it("names the action that is missing when access is denied", async () => {
    const stranger = await rgw.createUser();
    const expected = {
      code: "STORE_REFUSED",
      message: /access denied/,
      hint: /s3:(ListBucket|GetObject|PutObject)/,
    } as const;
    await failWith({ keys: stranger }, expected);
  });

  it("names s3:PutObject when a policy denies just that", async () => {
    const name = await rgw.createBucket();
    using owner = testBucket(name, rgw, rgw);
    const Statement = [{ Effect: "Deny", Principal: "*", Action: "s3:PutObject", Resource: `arn:aws:s3:::${name}/*` }];
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
    await owner.client.send(new PutBucketPolicyCommand({ Bucket: name, Policy }));
    await using store = testStore({ endpoint: rgw.endpoint, bucket: name, credentials: new TestCredentials(rgw) });
    const opening = store.open("snapshot", { expectedSize: 0, metadata: {} }, never);
    await assert.rejects(opening, { code: "STORE_REFUSED", hint: /"s3:PutObject"/ });
  });

  it("says how far the clock is off", async () => {
    mock.timers.enable({ apis: ["Date"], now: systemClock.now() + 3_600_000 });
    try {
      const expected = {
        code: "STORE_REFUSED",
        message: /clock differs .* by 3[56]\d\d s \(it is ahead\)/,
        hint: /set-ntp/,
      } as const;
      await failWith({}, expected);
    } finally {
      mock.timers.reset();
    }
  });

  it("names the CA when the certificate is not trusted", async () => {
    const expected = {
      code: "STORE_REFUSED",
      message: /certificate .* is not trusted/,
      hint: /s3\.endpointCA/,
    } as const;
    await failWith({ endpoint: rgw.tlsEndpoint }, expected);
    const endpointCA = Buffer.from(createAuthority("another").cert).toString("base64");
    await failWith({ endpoint: rgw.tlsEndpoint, config: { endpointCA } }, expected);
  });

  it("connects to a certificate that nobody signed when told to skip verification", async () => {
    const credentials = new TestCredentials(rgw);
    await using store = testStore({ endpoint: rgw.tlsEndpoint, bucket, credentials, config: { skipTLSVerify: true } });
    assert.deepEqual(await Array.fromAsync(store.list("default/", never)), []);
  });

  it("says that a plain http endpoint does not speak TLS", async () => {
    const expected = { code: "STORE_REFUSED", message: /does not speak TLS/, hint: /http:\/\// } as const;
    await failWith({ endpoint: rgw.endpoint.replace("http:", "https:") }, expected);
  });

  it("says that nothing listens, or that a host is unknown", async () => {
    const port = await reservePort();
    const expected = { code: "STORE_UNAVAILABLE", message: /no connection/, hint: /s3\.endpoint/ } as const;
    await failWith({ endpoint: `http://127.0.0.1:${port}` }, expected);
    const unknown = { code: "STORE_UNAVAILABLE", message: /cannot be resolved/, hint: /DNS/ } as const;
    await failWith({ endpoint: "http://s3.invalid" }, unknown);
  });

  it("says that a web server is not S3, whatever it answers", async () => {
    const expected = { code: "STORE_REFUSED", message: /does not answer as S3 does/, hint: /s3\.endpoint/ } as const;
    await using missing = await serve((_, response) => {
      response.writeHead(404, { "content-type": "text/html" }).end("<html><body>not found</body></html>");
    });
    await using store = testStore({ endpoint: missing.url, bucket, credentials: new TestCredentials(rgw) });
    await assert.rejects(Array.fromAsync(store.list("", never)), expected);
    await using friendly = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<html><body><p>Welcome!</body></html>");
    });
    await using other = testStore({ endpoint: friendly.url, bucket, credentials: new TestCredentials(rgw) });
    await assert.rejects(Array.fromAsync(other.list("", never)), expected);
  });

  it("moves to the region that the service names, and warns", async () => {
    await using proxy = await startFaultProxy(rgw.endpoint, { http: true });
    const elsewhere = ({ headers }: { headers: Record<string, unknown> }): boolean =>
      !String(headers["authorization"]).includes("/eu-west-3/");
    const headers = { "x-amz-bucket-region": "eu-west-3" };
    proxy.inject({ match: { when: elsewhere }, times: 99, do: { answer: 301, code: "PermanentRedirect", headers } });
    const warnings: string[] = [];
    await using store = testStore({ endpoint: proxy.url, bucket, credentials: new TestCredentials(rgw), warnings });
    assert.equal(await store.head("none", never), undefined);
    assert.equal((await store.create("r.json", Buffer.from("{}"), never)).outcome, "created");
    assert.deepEqual(warnings, ["Bucket is in another region than configured"]);
  });

  it("names the right region when moving there does not help", async () => {
    await using proxy = await startFaultProxy(rgw.endpoint, { http: true });
    const body =
      "<Error><Code>AuthorizationHeaderMalformed</Code><Message>wrong</Message><Region>eu-west-3</Region></Error>";
    proxy.inject({ times: 99, do: { answer: 400, body } });
    const expected = { code: "STORE_REFUSED", message: /not in region/, hint: /eu-west-3/ } as const;
    await failWith({ endpoint: proxy.url }, expected);
  });

  it("says that no room is left", async () => {
    await using proxy = await startFaultProxy(rgw.endpoint, { http: true });
    proxy.inject({ times: 99, do: { answer: 403, code: "QuotaExceeded" } });
    await failWith({ endpoint: proxy.url }, { code: "STORE_FULL", message: /no room/, hint: /prune/ });
  });
});
