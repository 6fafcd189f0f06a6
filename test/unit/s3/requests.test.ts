import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { describe, it } from "node:test";
import { S3Client } from "@aws-sdk/client-s3";
import { Config } from "../../../src/config/schema.ts";
import type { CredentialSource } from "../../../src/ports/credentials.ts";
import type { Attempt } from "../../../src/s3/attempt.ts";
import { Requests } from "../../../src/s3/requests.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const call = { what: "try", permission: "s3:Try", uploading: true } as const;
const never = new AbortController().signal;

/** Requests that answer what the test says: a status with an S3 error code, or success. */
class Lab {
  readonly clock = new FakeClock();
  readonly attempts = new AsyncLocalStorage<Attempt>();
  readonly requests: Requests;
  readonly accepted: string[] = [];
  replaced = 0;

  constructor(endpoint = "") {
    const wire = {
      client: new S3Client({ region: "x" }),
      attempts: this.attempts,
      region: "us-east-1",
      destroy: () => {},
    };
    this.requests = new Requests(wire, {
      config: Config.parse({}).s3,
      region: "us-east-1",
      endpoint,
      credentials: this.#credentials(),
      clock: this.clock,
      random: () => 0,
      environment: {},
      warn: () => undefined,
    });
  }

  /** Throws as the SDK does. */
  answer(status: number, Code: string, headers: Record<string, string> = {}): never {
    const attempt = this.attempts.getStore();
    if (attempt) attempt.answer = { status, headers };
    throw Object.assign(new Error(Code), { Code });
  }

  #credentials(): CredentialSource {
    const identity = () => ({ accessKeyId: `AKIA${this.replaced}`, secretAccessKey: "s" });
    return {
      current: async () => identity(),
      refresh: async () => undefined,
      replace: async () => void this.replaced++,
      accepted: ({ accessKeyId }) => void this.accepted.push(accessKeyId),
      describe: () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
}

describe("Requests", () => {
  it("has fewer requests under way once the service has asked for less", async () => {
    const lab = new Lab();
    let answers = 0;
    const slowed = lab.requests.run(call, async () => (answers++ === 0 ? lab.answer(503, "SlowDown") : true), never);
    await lab.clock.advance(60_000);
    await slowed;
    let underWay = 0;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const send = (): Promise<boolean> => {
      underWay++;
      return promise;
    };
    const all = Array.from({ length: 4 }, () => lab.requests.run(call, send, never));
    await lab.clock.advance(0);

    assert.equal(underWay, 2);
    resolve(true);
    await Promise.all(all);
  });

  it("does not count refused credentials as failed attempts", async () => {
    const lab = new Lab();
    await lab.requests.run(call, async () => true, never);
    const codes = ["InternalError", "ExpiredToken"];
    let sent = 0;
    const running = lab.requests.run(
      call,
      async () => (sent < 18 ? lab.answer(sent % 2 === 0 ? 500 : 400, codes[sent++ % 2] ?? "") : true),
      never,
    );
    for (let turn = 0; turn < 9; turn++) await lab.clock.advance(60_000);

    assert.equal((await running).attempts, 19);
    assert.equal(lab.replaced, 9);
  });

  it("takes AccessDenied for a matter of credentials when another key was accepted before", async () => {
    const lab = new Lab();
    const plain = { what: "try", permission: "s3:Try" };
    await lab.requests.run(plain, async () => true, never);
    lab.replaced = 1;
    await lab.requests.run(plain, async () => (lab.replaced === 1 ? lab.answer(403, "AccessDenied") : true), never);

    assert.equal(lab.replaced, 2);
    await assert.rejects(
      lab.requests.run(plain, async () => lab.answer(403, "AccessDenied"), never),
      /access denied/,
    );
  });

  it("has no trouble to tell once the service has answered, were it only that there is nothing", async () => {
    const lab = new Lab();
    const told: string[] = [];
    const running = lab.requests.attempt(
      { ...call, tolerate: ["NoSuchKey"] },
      async () => {
        told.push(lab.requests.trouble?.message ?? "");
        return told.length === 1 ? lab.answer(500, "InternalError") : lab.answer(404, "NoSuchKey");
      },
      never,
    );
    await lab.clock.advance(60_000);
    await running;

    assert.match(told.at(-1) ?? "", /^Cannot try/);
    assert.equal(lab.requests.trouble, undefined);
  });

  it("takes a key for accepted that hears of the object, and not one that hears 400, 301 or 403", async () => {
    const lab = new Lab();
    for (const status of [400, 301, 403, 401]) {
      await lab.requests.attempt({ ...call, tolerate: ["x"] }, async () => lab.answer(status, "x"), never);
    }
    assert.deepEqual(lab.accepted, []);
    for (const status of [404, 412, 416]) {
      await lab.requests.attempt({ ...call, tolerate: ["x"] }, async () => lab.answer(status, "x"), never);
    }
    assert.equal(lab.accepted.length, 3);
  });

  it("stays where it is when the endpoint is a host of AWS for another region than the bucket's", async () => {
    const lab = new Lab("https://s3.us-east-1.amazonaws.com");
    let sent = 0;
    const elsewhere = async () => lab.answer(301, "PermanentRedirect", { "x-amz-bucket-region": "eu-west-3" });
    const send = async () => ++sent && (await elsewhere());
    await assert.rejects(lab.requests.run(call, send, never), {
      code: "STORE_REFUSED",
      message: /is in region "eu-west-3", and s3.endpoint is that of "us-east-1"/,
      hint: /s3.region to "eu-west-3", and s3.endpoint/,
    });
    assert.equal(sent, 1);
  });

  it("signs for the region of the endpoint's host when only s3.region was wrong", async () => {
    const lab = new Lab("https://s3.eu-west-3.amazonaws.com");
    const headers = { "x-amz-bucket-region": "eu-west-3" };
    let sent = 0;
    const send = async () => sent++ > 0 || lab.answer(400, "AuthorizationHeaderMalformed", headers);
    assert.equal((await lab.requests.run(call, send, never)).output, true);
  });
});
