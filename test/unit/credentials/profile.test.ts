import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIni } from "../../../src/credentials/ini.ts";
import { holdsProfile, type ProfileFiles, profileRegion, resolveProfile } from "../../../src/credentials/profile.ts";

const secret = "s3cr3t-of-the-test";
const pair = `aws_access_key_id = AKIA1\naws_secret_access_key = ${secret}\n`;

function files(credentials: string | undefined, config?: string): ProfileFiles {
  return {
    credentials: credentials === undefined ? undefined : { path: "/credentials", ini: parseIni(credentials) },
    config: config === undefined ? undefined : { path: "/config", ini: parseIni(config) },
  };
}

for (const { when, credentials, config, name = "default", expected } of [
  {
    when: "the credentials file has keys",
    credentials: `[default]\n${pair}`,
    expected: {
      kind: "static",
      path: "/credentials",
      identity: { accessKeyId: "AKIA1", secretAccessKey: secret },
    },
  },
  {
    when: "the credentials file has keys and a token, and the config file has other ones",
    credentials: `[default]\n${pair}aws_session_token = t\n`,
    config: "[default]\naws_access_key_id = AKIA2\naws_secret_access_key = other\n",
    expected: {
      kind: "static",
      path: "/credentials",
      identity: { accessKeyId: "AKIA1", secretAccessKey: secret, sessionToken: "t" },
    },
  },
  {
    when: "the config file alone has keys",
    credentials: "[other]\nx = 1\n",
    config: `[profile two]\n${pair}`,
    name: "two",
    expected: { kind: "static", path: "/config", identity: { accessKeyId: "AKIA1", secretAccessKey: secret } },
  },
  {
    when: "a program gives the keys",
    credentials: undefined,
    config: "[default]\ncredential_process = /bin/x --y\n",
    expected: { kind: "process", path: "/config", command: "/bin/x --y" },
  },
  {
    when: "a role is assumed with another profile's keys",
    credentials: `[base]\n${pair}`,
    config: "[profile up]\nrole_arn = arn:x\nsource_profile = base\n",
    name: "up",
    expected: { kind: "role", path: "/config", credentialSource: undefined },
  },
  {
    when: "a role is assumed with the profile's own keys",
    credentials: `[default]\n${pair}`,
    config: "[default]\nrole_arn = arn:x\nsource_profile = default\n",
    expected: { kind: "role", path: "/config", credentialSource: undefined },
  },
  {
    when: "a role is assumed with the machine's role",
    credentials: undefined,
    config: "[default]\nrole_arn = arn:x\ncredential_source = Ec2InstanceMetadata\n",
    expected: { kind: "role", path: "/config", credentialSource: "Ec2InstanceMetadata" },
  },
  {
    when: "a role is assumed with a token file",
    credentials: undefined,
    config: "[default]\nrole_arn = arn:x\nweb_identity_token_file = /token\nrole_session_name = me\n",
    expected: { kind: "webIdentity", path: "/config", tokenFile: "/token", roleArn: "arn:x", sessionName: "me" },
  },
]) {
  test(`resolveProfile() finds what the profile is when ${when}`, () => {
    assert.deepEqual(resolveProfile(files(credentials, config), name), expected);
  });
}

for (const { when, credentials, config, name = "default", message, hint } of [
  { when: "the file is empty", credentials: "", message: /"\/credentials": it is empty/ },
  {
    when: "the file is empty and the config file holds the profile",
    credentials: "",
    config: `[default]\n${pair}`,
    message: /"\/credentials": it is empty/,
  },
  { when: "the file is not INI", credentials: `{"key": "${secret}"}`, message: /"\/credentials": line 1: neither/ },
  {
    when: "the config file is not INI",
    credentials: `[default]\n${pair}`,
    config: "hello\n",
    message: /"\/config": line 1: neither/,
  },
  {
    when: "two sections have its name",
    credentials: `[default]\n${pair}[x]\n[default]\n${pair}`,
    message: /its section appears 2 times, in lines 1 and 5/,
  },
  {
    when: "the config file has it in both spellings",
    credentials: undefined,
    config: `[default]\n${pair}[profile default]\n${pair}`,
    message: /"\/config": its section appears 2 times/,
  },
  {
    when: "the profile is nowhere",
    credentials: `[one]\n${pair}`,
    config: "[profile two]\nregion = x\n",
    name: "three",
    message: /Cannot find profile "three" in "\/credentials" or "\/config"/,
    hint: /Profiles there: one, two/,
  },
  {
    when: "the secret is missing",
    credentials: "[default]\naws_access_key_id = AKIA1\n",
    message: /aws_secret_access_key is missing/,
  },
  {
    when: "the id is missing",
    credentials: `[default]\naws_secret_access_key = ${secret}\n`,
    message: /aws_access_key_id is missing/,
  },
  {
    when: "the halves stand in two files",
    credentials: "[default]\naws_access_key_id = AKIA1\n",
    config: `[default]\naws_secret_access_key = ${secret}\n`,
    message: /aws_secret_access_key is missing/,
  },
  {
    when: "a temporary key has no token",
    credentials: `[default]\naws_access_key_id = ASIA1\naws_secret_access_key = ${secret}\n`,
    message: /aws_session_token is missing/,
  },
  {
    when: "a key appears twice",
    credentials: `[default]\n${pair}aws_access_key_id = AKIA2\n`,
    message: /aws_access_key_id appears twice, in lines 2 and 4/,
  },
  {
    when: "a value holds white space",
    credentials: `[default]\naws_access_key_id = AKIA1\naws_secret_access_key = ${secret} ${secret}\n`,
    message: /aws_secret_access_key holds white space/,
  },
  {
    when: "the section holds no credentials",
    credentials: "[default]\nregion = x\n",
    message: /it holds no credentials/,
  },
  {
    when: "a role names no source",
    credentials: undefined,
    config: "[default]\nrole_arn = arn:x\n",
    message: /either source_profile or credential_source/,
  },
  {
    when: "a role's source does not exist",
    credentials: undefined,
    config: "[default]\nrole_arn = arn:x\nsource_profile = gone\n",
    message: /Cannot find profile "gone"/,
  },
  {
    when: "a role's source has half a pair",
    credentials: "[base]\naws_access_key_id = AKIA1\n",
    config: "[default]\nrole_arn = arn:x\nsource_profile = base\n",
    message: /profile "base" of "\/credentials": aws_secret_access_key is missing/,
  },
  {
    when: "roles go in a circle",
    credentials: undefined,
    config:
      "[default]\nrole_arn = arn:x\nsource_profile = b\n[profile b]\nrole_arn = arn:y\nsource_profile = default\n",
    message: /it holds no credentials/,
  },
  {
    when: "a role needs a second factor",
    credentials: undefined,
    config: "[default]\nrole_arn = arn:x\nsource_profile = b\nmfa_serial = 1\n",
    message: /mfa_serial needs a person/,
  },
  {
    when: "someone has to sign in",
    credentials: undefined,
    config: "[default]\nsso_session = x\n",
    message: /signing in needs a person/,
  },
  {
    when: "a token file comes without a role",
    credentials: undefined,
    config: "[default]\nweb_identity_token_file = /t\n",
    message: /role_arn is missing/,
  },
]) {
  test(`resolveProfile() rejects with CREDENTIALS_INVALID and no secret when ${when}`, () => {
    assert.throws(
      () => resolveProfile(files(credentials, config), name),
      (error: unknown) => {
        assert.ok(error instanceof Error && "code" in error && "hint" in error);
        assert.equal(error.code, "CREDENTIALS_INVALID");
        assert.match(error.message, message);
        assert.match(String(error.hint), hint ?? /./);
        assert.doesNotMatch(`${error.message}${error.hint}${error.stack}`, new RegExp(secret));
        return true;
      },
    );
  });
}

test("holdsProfile() is true when either file has credentials under the name", () => {
  assert.equal(holdsProfile(files("[default]\nx = 1\n"), "default"), true);
  assert.equal(holdsProfile(files(undefined, "[profile p]\nrole_arn = x\n"), "p"), true);
  assert.equal(holdsProfile(files(undefined, "[profile default]\ncredential_process = x\n"), "default"), true);
});

test("holdsProfile() is false when the config file's section is about other things", () => {
  assert.equal(holdsProfile(files("[other]\n", "[default]\nregion = x\n"), "default"), false);
  assert.equal(holdsProfile(files(undefined, "[p]\nrole_arn = x\n"), "p"), false);
  assert.equal(holdsProfile(files(undefined), "default"), false);
});

test("profileRegion() is the credentials file's, then the config file's", () => {
  assert.equal(profileRegion(files("[p]\nregion = a\n", "[profile p]\nregion = b\n"), "p"), "a");
  assert.equal(profileRegion(files("[p]\n", "[profile p]\nregion = b\n"), "p"), "b");
  assert.equal(profileRegion(files("[p]\n"), "p"), undefined);
});
