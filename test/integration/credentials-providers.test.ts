import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { inspect } from "node:util";
import { systemClock } from "../../src/app/system-clock.ts";
import { Config } from "../../src/config/schema.ts";
import { createCredentialSource } from "../../src/credentials/credential-source.ts";
import type { Environment } from "../../src/credentials/layers.ts";
import { isBackupError } from "../../src/errors.ts";
import type { CredentialSource } from "../../src/ports/credentials.ts";
import { type Authority, createAuthority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { execute } from "../support/execute.ts";
import { tempDir } from "../support/temp-dir.ts";

const secret = "hunter2-of-the-test";

interface Opened extends AsyncDisposable {
  readonly source: CredentialSource;
  readonly warnings: string[];
}

function openSource(environment: Environment, s3: Partial<Config["s3"]> = {}): Opened {
  const warnings: string[] = [];
  const source = createCredentialSource({
    config: Config.parse({ s3 }).s3,
    environment: { AWS_EC2_METADATA_DISABLED: "true", ...environment },
    clock: systemClock,
    onChange: () => {},
    onRejected: () => {},
    onWarning: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`),
  });
  return { source, warnings, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() };
}

interface Endpoint extends AsyncDisposable {
  readonly url: string;
  readonly requests: IncomingMessage[];
}

/** An HTTP service of this test alone. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<Endpoint> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert.ok(address && typeof address === "object");
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const setAsJson = (id: string, lifetimeMs: number): string =>
  JSON.stringify({
    Code: "Success",
    AccessKeyId: `ASIA${id}`,
    SecretAccessKey: secret,
    Token: `token-of-${id}`,
    Expiration: new Date(systemClock.now() + lifetimeMs).toISOString(),
  });

/** The metadata service, version 2 only: a GET without the token is refused. */
function metadataService(state: { role: string; lifetimeMs: number; issued: number }): Promise<Endpoint> {
  return serve((request, response) => {
    if (request.method === "PUT" && request.url === "/latest/api/token") return response.end("metadata-token");
    if (request.headers["x-aws-ec2-metadata-token"] !== "metadata-token") return response.writeHead(401).end();
    const path = "/latest/meta-data/iam/security-credentials/";
    if (request.url === path) return response.end(`${state.role}\n`);
    if (request.url === `${path}${state.role}`) {
      state.issued += 1;
      return response.end(setAsJson(`ROLE${state.issued}`, state.lifetimeMs));
    }
    return response.writeHead(404).end();
  });
}

const enabled = { AWS_EC2_METADATA_DISABLED: "false" };

test("createCredentialSource() uses the machine's role when HOME holds nothing, and renews it ahead of its expiry", async () => {
  await using home = await tempDir();
  const state = { role: "etcd-node", lifetimeMs: 4_000, issued: 0 };
  await using metadata = await metadataService(state);
  await using opened = openSource({ ...enabled, HOME: home.path, AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url });

  const first = await opened.source.current();
  assert.equal(first.sessionToken, "token-of-ROLE1");
  assert.equal(opened.source.describe()?.layer, "instance");
  assert.equal(opened.source.describe()?.source, "instance role etcd-node");
  assert.deepEqual(opened.warnings, []);
  state.lifetimeMs = 3_600_000;
  await eventually(() => opened.source.describe()?.keyTail === "OLE2", { timeoutMs: 7_000 });
});

test("createCredentialSource() warns when the machine's role is used while HOME is unset", async () => {
  await using metadata = await metadataService({ role: "r", lifetimeMs: 3_600_000, issued: 0 });
  await using opened = openSource({ ...enabled, AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url });

  await opened.source.current();

  assert.equal(opened.warnings.length, 1);
  assert.match(opened.warnings[0] ?? "", /HOME is unset.*etcd-ark\.service\.env/);
});

test("createCredentialSource() gives up after a second when the metadata service does not answer", async () => {
  await using home = await tempDir();
  await using silent = await serve(() => {});
  await using opened = openSource({ ...enabled, HOME: home.path, AWS_EC2_METADATA_SERVICE_ENDPOINT: silent.url });

  await assert.rejects(opened.source.current(), {
    code: "CREDENTIALS_MISSING",
    message: /no source is configured.*the metadata service does not answer/,
  });
});

test("createCredentialSource() never asks the metadata service when that is forbidden", async () => {
  await using home = await tempDir();
  await using metadata = await metadataService({ role: "r", lifetimeMs: 3_600_000, issued: 0 });
  const environment = { HOME: home.path, AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url };
  await using opened = openSource({ ...environment, AWS_EC2_METADATA_DISABLED: "true" });

  await assert.rejects(opened.source.current(), { code: "CREDENTIALS_MISSING", hint: /\.aws\/credentials/ });
  assert.equal(metadata.requests.length, 0);
});

test("createCredentialSource() names the empty file beside the role that there is not when both give nothing", async () => {
  await using home = await tempDir();
  await mkdir(join(home.path, ".aws"));
  await writeFile(join(home.path, ".aws", "credentials"), "", { mode: 0o600 });
  await using metadata = await serve((_request, response) => response.writeHead(404).end());
  await using opened = openSource({ ...enabled, HOME: home.path, AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url });

  await assert.rejects(opened.source.current(), {
    code: "CREDENTIALS_MISSING",
    message: /\.aws\/credentials" is empty, and no other source is configured; cannot get/,
    hint: /Write a key to ".*\.aws\/credentials"/,
  });
});

test("createCredentialSource() never steps down to the machine's role when the file vanishes", async () => {
  await using home = await tempDir();
  const file = join(home.path, ".aws", "credentials");
  await mkdir(join(home.path, ".aws"));
  await writeFile(file, `[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = ${secret}\n`, {
    mode: 0o600,
  });
  await using metadata = await metadataService({ role: "r", lifetimeMs: 3_600_000, issued: 0 });
  await using opened = openSource({ ...enabled, HOME: home.path, AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url });
  const { identity } = { identity: await opened.source.current() };

  await rm(join(home.path, ".aws"), { recursive: true });
  await eventually(() => opened.warnings.length > 0, { timeoutMs: 5_000 });
  await opened.source.refresh();
  const signal = AbortSignal.timeout(10_000);
  const replacing = opened.source.replace({ identity, cause: new Error("403"), waitMs: 100 }, signal);

  await assert.rejects(replacing, { code: "CREDENTIALS_REJECTED" });
  assert.equal(opened.source.describe()?.keyTail, "FILE");
  assert.match(opened.warnings[0] ?? "", /no such file/);
  assert.equal(metadata.requests.length, 0);
});

for (const { what, text } of [
  { what: "no INI", text: `{"accessKeyId": "${secret}"}\n` },
  { what: "no INI below another profile", text: `[other]\nregion = x\n${secret}\n` },
  { what: "half a pair", text: "[default]\naws_access_key_id = AKIAHALF\n" },
]) {
  test(`createCredentialSource() rejects and never tries the machine's role when the file is ${what} at the start`, async () => {
    await using home = await tempDir();
    await mkdir(join(home.path, ".aws"));
    await writeFile(join(home.path, ".aws", "credentials"), text, { mode: 0o600 });
    await using metadata = await metadataService({ role: "r", lifetimeMs: 3_600_000, issued: 0 });
    await using opened = openSource({ ...enabled, HOME: home.path, AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url });

    await assert.rejects(opened.source.current(), { code: "CREDENTIALS_INVALID", message: /\.aws\/credentials/ });
    assert.equal(metadata.requests.length, 0);
  });
}

for (const { what, text } of [
  { what: "is empty", text: "" },
  { what: "holds comments alone", text: "# put a key here\n" },
  { what: "holds other profiles alone", text: "[other]\nregion = x\n" },
]) {
  test(`createCredentialSource() uses the machine's role when the file ${what} at the start`, async () => {
    await using home = await tempDir();
    await mkdir(join(home.path, ".aws"));
    await writeFile(join(home.path, ".aws", "credentials"), text, { mode: 0o600 });
    await using metadata = await metadataService({ role: "r", lifetimeMs: 3_600_000, issued: 0 });
    await using opened = openSource({ ...enabled, HOME: home.path, AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url });

    await opened.source.current();

    assert.equal(opened.source.describe()?.layer, "instance");
  });
}

test("createCredentialSource() waits for the writer and never tries the machine's role when the file is just being written at the start", async () => {
  await using home = await tempDir();
  const file = join(home.path, ".aws", "credentials");
  await mkdir(join(home.path, ".aws"));
  await writeFile(file, "", { mode: 0o600 });
  await using metadata = await metadataService({ role: "r", lifetimeMs: 3_600_000, issued: 0 });
  await using opened = openSource({ ...enabled, HOME: home.path, AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url });
  const reading = opened.source.current();
  await delay(300);
  await writeFile(file, `[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = ${secret}\n`);

  assert.equal((await reading).accessKeyId, "AKIAFILE");
  assert.equal(metadata.requests.length, 0);
});

for (const { what, spoil } of [
  { what: "the credentials file vanishes", spoil: (file: string) => rm(file) },
  { what: "its section vanishes", spoil: (file: string) => writeFile(file, "[other]\nregion = x\n") },
]) {
  test(`createCredentialSource() never steps down to the config file's keys when ${what}`, async () => {
    await using home = await tempDir();
    const keys = (id: string): string =>
      `[default]\naws_access_key_id = AKIA${id}\naws_secret_access_key = ${secret}\n`;
    await mkdir(join(home.path, ".aws"));
    await writeFile(join(home.path, ".aws", "config"), keys("CONF"), { mode: 0o600 });
    await writeFile(join(home.path, ".aws", "credentials"), keys("FILE"), { mode: 0o600 });
    await using opened = openSource({ HOME: home.path });
    await opened.source.current();

    await spoil(join(home.path, ".aws", "credentials"));

    await eventually(() => opened.warnings.length > 0, { timeoutMs: 5_000 });
    assert.match(opened.warnings[0] ?? "", /Cannot find profile/);
    assert.equal(opened.source.describe()?.keyTail, "FILE");
  });
}

test("createCredentialSource() rejects with CONFIG_INVALID and the file to edit when HOME is unset and nothing else is there", async () => {
  await using opened = openSource({});

  await assert.rejects(opened.source.current(), {
    code: "CONFIG_INVALID",
    message: /HOME is unset/,
    hint: /service\.env/,
  });
});

test("createCredentialSource() uses the container's endpoint with the token of its file, read for each request", async () => {
  await using directory = await tempDir();
  const tokenFile = join(directory.path, "token");
  await writeFile(tokenFile, "authorization-1");
  let issued = 0;
  await using endpoint = await serve((_request, response) => {
    issued += 1;
    response.end(setAsJson(`POD${issued}`, 4_000));
  });
  await using opened = openSource({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${endpoint.url}/v1/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
  });

  assert.equal((await opened.source.current()).sessionToken, "token-of-POD1");
  assert.equal(opened.source.describe()?.layer, "container");
  await writeFile(tokenFile, "authorization-2");
  await eventually(() => opened.source.describe()?.keyTail === "POD2", { timeoutMs: 8_000 });
  assert.deepEqual(
    endpoint.requests.slice(0, 2).map((request) => request.headers.authorization),
    ["authorization-1", "authorization-2"],
  );
});

test("createCredentialSource() rejects with CREDENTIALS_INVALID and no secret when the container's endpoint refuses", async () => {
  await using endpoint = await serve((_request, response) => {
    response.writeHead(403).end(JSON.stringify({ Code: "Denied", Message: `no ${secret}` }));
  });
  await using directory = await tempDir();
  await writeFile(join(directory.path, "token"), `${secret}\n`);
  await using opened = openSource({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: endpoint.url,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: join(directory.path, "token"),
  });

  await assert.rejects(opened.source.current(), (error: unknown) => {
    assert.ok(isBackupError(error, "CREDENTIALS_INVALID"));
    assert.match(error.message, /container endpoint http/);
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), new RegExp(secret));
    return true;
  });
});

const stsAnswer = (
  action: string,
  id: string,
): string => `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<${action}Result><Credentials><AccessKeyId>ASIA${id}</AccessKeyId><SecretAccessKey>${secret}</SecretAccessKey>
<SessionToken>token-of-${id}</SessionToken><Expiration>${new Date(systemClock.now() + 3_600_000).toISOString()}</Expiration>
</Credentials></${action}Result></${action}Response>`;

test("createCredentialSource() assumes the role of a web identity with the token of its file", async () => {
  await using directory = await tempDir();
  const tokenFile = join(directory.path, "token");
  await writeFile(tokenFile, "web-identity-token");
  const bodies: string[] = [];
  await using sts = await serve(async (request, response) => {
    bodies.push(Buffer.concat(await request.toArray()).toString());
    response.end(stsAnswer("AssumeRoleWithWebIdentity", "WEB1"));
  });
  const role = { AWS_ROLE_ARN: "arn:aws:iam::1:role/x", AWS_ROLE_SESSION_NAME: "here" };
  await using opened = openSource({ ...role, AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile, AWS_ENDPOINT_URL_STS: sts.url });

  assert.equal((await opened.source.current()).sessionToken, "token-of-WEB1");
  assert.equal(opened.source.describe()?.layer, "webIdentity");
  const sent = new URLSearchParams(bodies[0]);
  assert.equal(sent.get("WebIdentityToken"), "web-identity-token");
  assert.equal(sent.get("RoleArn"), role.AWS_ROLE_ARN);
  assert.equal(sent.get("RoleSessionName"), "here");
});

/** A service over TLS that assumes roles, with the certificate of an authority that nobody else knows. */
async function serveStsOverTls(authority: Authority): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createTlsServer(authority.issue(), (request, response) => {
    request.resume();
    response.end(stsAnswer("AssumeRoleWithWebIdentity", "WEB1"));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert.ok(address && typeof address === "object");
  return {
    url: `https://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const authority = createAuthority();
const inBase64 = Buffer.from(authority.cert).toString("base64");
for (const { what, s3, variable = "AWS_ENDPOINT_URL", trusted } of [
  { what: "trusts", s3: { endpointCA: inBase64 }, trusted: true },
  { what: "trusts", s3: { skipTLSVerify: true }, trusted: true },
  { what: "does not trust", s3: {}, trusted: false },
  { what: "does not trust", s3: { endpointCA: inBase64 }, variable: "AWS_ENDPOINT_URL_STS", trusted: false },
  { what: "does not trust", s3: { skipTLSVerify: true, endpoint: "other:443" }, trusted: false },
]) {
  test(`createCredentialSource() ${what} who assumes the role when it is $${variable} and s3 has ${Object.keys(s3).join(", ") || "nothing"}`, async () => {
    await using directory = await tempDir();
    const tokenFile = join(directory.path, "token");
    await writeFile(tokenFile, "web-identity-token");
    await using sts = await serveStsOverTls(authority);
    const role = { AWS_ROLE_ARN: "arn:aws:iam::1:role/x", AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile };
    await using opened = openSource({ ...role, [variable]: sts.url }, s3);

    if (trusted) assert.equal((await opened.source.current()).sessionToken, "token-of-WEB1");
    else await assert.rejects(opened.source.current(), { code: "CREDENTIALS_INVALID", message: /certificate/ });
  });
}

/** HOME with a config file of that text, and a program beside it that prints what the file `answer` holds. */
async function homeWithProcess(path: string, script: string): Promise<void> {
  await mkdir(join(path, ".aws"));
  await writeFile(join(path, "program"), script);
  await chmod(join(path, "program"), 0o700);
  const command = `${join(path, "program")} --password ${secret}`;
  await writeFile(join(path, ".aws", "config"), `[default]\ncredential_process = ${command}\n`, { mode: 0o600 });
}

test("createCredentialSource() runs credential_process, and again when the config file changes", async () => {
  await using home = await tempDir();
  await homeWithProcess(home.path, `#!/bin/sh\ncat ${home.path}/answer\n`);
  const answer = (id: string): string =>
    JSON.stringify({ Version: 1, AccessKeyId: `AKIA${id}`, SecretAccessKey: `secret-of-${id}` });
  await writeFile(join(home.path, "answer"), answer("ONE1"));
  await using opened = openSource({ HOME: home.path });
  assert.equal((await opened.source.current()).secretAccessKey, "secret-of-ONE1");
  assert.deepEqual(opened.source.describe(), {
    layer: "sharedFile",
    source: join(home.path, ".aws", "config"),
    profile: "default",
    keyTail: "ONE1",
  });

  await writeFile(join(home.path, "other"), answer("TWO2"));
  await writeFile(join(home.path, ".aws", "config"), `[default]\ncredential_process = cat ${home.path}/other\n`);

  await eventually(() => opened.source.describe()?.keyTail === "TWO2", { timeoutMs: 5_000 });
});

test("createCredentialSource() drops what credential_process gave when the config file changed meanwhile", async () => {
  await using home = await tempDir();
  const print = (id: string): string =>
    `echo '{"Version": 1, "AccessKeyId": "AKIA${id}", "SecretAccessKey": "secret-of-${id}"}'\n`;
  await writeFile(join(home.path, "second"), print("TWO2"));
  const change = `printf '[default]\\ncredential_process = sh ${home.path}/second\\n' > ${home.path}/.aws/config\n`;
  await homeWithProcess(home.path, `#!/bin/sh\n${change}${print("ONE1")}`);
  await using opened = openSource({ HOME: home.path });

  await eventually(() => opened.source.describe(), { timeoutMs: 5_000 });
  assert.equal(opened.source.describe()?.keyTail, "TWO2");
});

test("createCredentialSource() tells what credential_process said, without the command's secrets, when it fails", async () => {
  await using home = await tempDir();
  await homeWithProcess(home.path, `#!/bin/sh\necho "vault is sealed, $2" >&2\nexit 7\n`);
  await using opened = openSource({ HOME: home.path });

  await assert.rejects(opened.source.current(), (error: unknown) => {
    assert.ok(isBackupError(error, "CREDENTIALS_INVALID"));
    assert.match(error.message, /profile "default".*vault is sealed/);
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), new RegExp(secret));
    return true;
  });
});

for (const { what, profile } of [
  { what: "a credential_process", profile: "default" },
  { what: "the credential_process of a role's source profile", profile: "role" },
]) {
  test(`createCredentialSource() ends ${what} that hangs when it is disposed of`, async () => {
    await using home = await tempDir();
    const pid = join(home.path, "pid");
    await mkdir(join(home.path, ".aws"));
    const command = `echo $$ > ${pid}.new && mv ${pid}.new ${pid} && read nothing < ${pid}.pipe`;
    await execute(["mkfifo", `${pid}.pipe`]);
    await writeFile(join(home.path, ".aws", "config"), `[default]\ncredential_process = ${command}\n`);
    const role = "[profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n";
    await appendFile(join(home.path, ".aws", "config"), role);
    const opened = openSource({ HOME: home.path }, { profile });
    const program = await eventually(() => readFile(pid, "utf8"));

    await opened[Symbol.asyncDispose]();

    await eventually(() => hasEnded(program.trim()), { timeoutMs: 5_000 });
  });
}

/** One that is dead may wait for its parent to notice. */
async function hasEnded(pid: string): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "State:\tX");
  return /State:\s+[ZX]/.test(status);
}

test("createCredentialSource() assumes a profile's role with the keys of its source profile", async () => {
  await using home = await tempDir();
  await mkdir(join(home.path, ".aws"));
  await writeFile(
    join(home.path, ".aws", "credentials"),
    `[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = ${secret}\n`,
    { mode: 0o600 },
  );
  await writeFile(
    join(home.path, ".aws", "config"),
    "[profile backup]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\nregion = eu-central-1\n",
  );
  await using sts = await serve((_request, response) => {
    response.end(stsAnswer("AssumeRole", "ROLE"));
  });
  await using opened = openSource({ HOME: home.path, AWS_ENDPOINT_URL_STS: sts.url }, { profile: "backup" });

  assert.equal((await opened.source.current()).sessionToken, "token-of-ROLE");
  assert.equal(opened.source.describe()?.profile, "backup");
  assert.match(sts.requests[0]?.headers.authorization ?? "", /Credential=AKIABASE\/\d+\/eu-central-1\/sts\//);
});

test("createCredentialSource() prefers the profile that we name to the environment's keys, and says what it ignores", async () => {
  await using home = await tempDir();
  const credentialsFile = join(home.path, "own");
  await writeFile(credentialsFile, `[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = ${secret}\n`, {
    mode: 0o600,
  });
  const keys = { AWS_ACCESS_KEY_ID: "AKIAENVI", AWS_SECRET_ACCESS_KEY: secret };
  await using opened = openSource(keys, { profile: "mine", credentialsFile });

  assert.equal((await opened.source.current()).accessKeyId, "AKIAMINE");
  assert.match(opened.warnings.join(), /s3\.profile, s3\.credentialsFile.*AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY/);
  assert.doesNotMatch(opened.warnings.join(), new RegExp(`${secret}|AKIAENVI`));
});

test("createCredentialSource() refuses a secret in a file of its own that everyone may write to", async () => {
  await using directory = await tempDir();
  const secretAccessKeyFile = join(directory.path, "secret");
  await writeFile(secretAccessKeyFile, secret);
  await chmod(secretAccessKeyFile, 0o666);
  await using opened = openSource({}, { accessKeyId: "AKIAOWN1", secretAccessKeyFile });

  await assert.rejects(opened.source.current(), { code: "CREDENTIALS_INVALID", message: /everyone may write/ });
});

test("createCredentialSource() rejects and names the half that is missing when the environment has one half", async () => {
  await using opened = openSource({ AWS_ACCESS_KEY_ID: "AKIAENVI" });

  await assert.rejects(opened.source.current(), {
    code: "CREDENTIALS_INVALID",
    message: "Cannot use the environment: AWS_SECRET_ACCESS_KEY is missing",
  });
});
