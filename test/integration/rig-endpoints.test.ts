import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startFakeContainerCredentials, startFakeImds } from "../support/aws-endpoints.ts";
import { runArk, startArk } from "../support/cli.ts";
import { eventually } from "../support/eventually.ts";

const credentials = {
  accessKeyId: "AKFAKE",
  secretAccessKey: "secret",
  sessionToken: "token",
  expiration: "2038-01-01T00:00:00Z",
};
const roles = "latest/meta-data/iam/security-credentials";

describe("startFakeImds()", () => {
  it("hands the role's credentials only to who brings a token", async () => {
    await using imds = await startFakeImds(credentials, "role");
    const get = async (path: string, headers: Record<string, string>) => {
      const response = await fetch(`${imds.endpoint}/${path}`, { headers });
      return { status: response.status, body: await response.text() };
    };

    const put = { method: "PUT", headers: { "x-aws-ec2-metadata-token-ttl-seconds": "60" } };
    const token = await (await fetch(`${imds.endpoint}/latest/api/token`, put)).text();
    const headers = { "x-aws-ec2-metadata-token": token };

    assert.equal((await get(`${roles}/`, {})).status, 401);
    assert.deepEqual(await get(`${roles}/`, headers), { status: 200, body: "role" });
    assert.equal(JSON.parse((await get(`${roles}/role`, headers)).body).AccessKeyId, "AKFAKE");
    imds.credentials = { ...credentials, accessKeyId: "AKNEXT" };
    assert.equal(JSON.parse((await get(`${roles}/role`, headers)).body).AccessKeyId, "AKNEXT");
    imds.credentials = undefined;
    assert.equal((await get(`${roles}/role`, headers)).status, 404);
    assert.equal(imds.requests[0], "PUT /latest/api/token");
  });
});

describe("startFakeContainerCredentials()", () => {
  it("hands credentials only to who brings the authorization", async () => {
    await using container = await startFakeContainerCredentials(credentials, "authorization");
    const url = `${container.endpoint}/credentials`;

    const refused = await fetch(url);
    const given = await fetch(url, { headers: { authorization: "authorization" } });

    assert.equal(refused.status, 401);
    assert.match(await given.text(), /"Token":"token"/);
  });
});

describe("runArk()", () => {
  const program = [process.execPath, "--eval"];

  it("gives code, output and nothing of this process's environment", async () => {
    const script = `process.stdin.on("data", (text) => console.log(process.env.HOME ?? "no home", process.env.A, String(text)));
      console.error("said"); process.exitCode = 3;`;

    const result = await runArk([script], { program, env: { A: "b" }, input: "input" });

    assert.deepEqual(result, { code: 3, signal: null, stdout: "no home b input\n", stderr: "said\n" });
  });

  it("tells that a daemon ended by a signal without the line that was waited for", async () => {
    await using ark = startArk([`setInterval(() => {}, 1000); console.error("ready")`], { program });
    await ark.line("ready");

    ark.kill("SIGUSR2");

    assert.equal((await ark.ended).signal, "SIGUSR2");
    await assert.rejects(ark.line("never"), /before it ended/);
  });

  it("waits for lines of a daemon, and ends it on disposal", async () => {
    const script = `console.error("ready 1"); setInterval(() => {}, 1000);`;
    let pid = 0;
    {
      await using ark = startArk([script], { program });
      pid = ark.pid;
      assert.equal(await ark.line(/^ready \d/), "ready 1");
    }
    assert.throws(() => process.kill(pid, 0));
  });
});

describe("eventually()", () => {
  it("gives the first true value, and the last error as the reason to give up", async () => {
    const values = [0, 0, 7];
    const failing = () => {
      throw new Error("not yet");
    };

    assert.equal(await eventually(() => values.shift(), { intervalMs: 1 }), 7);
    await assert.rejects(eventually(failing, { timeoutMs: 10, intervalMs: 1 }), { cause: new Error("not yet") });
  });
});
