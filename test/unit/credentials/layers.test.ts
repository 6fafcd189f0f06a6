import assert from "node:assert/strict";
import { test } from "node:test";
import { Config } from "../../../src/config/schema.ts";
import {
  type ConfiguredLayer,
  chooseLayer,
  type Environment,
  profileName,
  sharedFilePaths,
} from "../../../src/credentials/layers.ts";

const s3 = (keys: Partial<Config["s3"]>) => ({ ...Config.parse({}).s3, ...keys });
const keys = { AWS_ACCESS_KEY_ID: "AKIA1", AWS_SECRET_ACCESS_KEY: "s" };
const token = { AWS_WEB_IDENTITY_TOKEN_FILE: "/token", AWS_ROLE_ARN: "arn:x" };
const container = { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1/x" };

const table: {
  readonly when: string;
  readonly config?: Partial<Config["s3"]>;
  readonly environment?: Environment;
  readonly file?: boolean;
  readonly layer: ConfiguredLayer | undefined;
  readonly ignored?: RegExp;
}[] = [
  { when: "nothing is set", layer: undefined },
  { when: "variables are set to nothing", environment: { AWS_ACCESS_KEY_ID: "", AWS_PROFILE: "" }, layer: undefined },
  { when: "our own keys are set", config: { accessKeyId: "AKIA1" }, layer: "config" },
  { when: "our own keys are in files", config: { secretAccessKeyFile: "/x" }, layer: "config" },
  { when: "the environment has keys", environment: keys, layer: "environment" },
  { when: "the environment has half a pair", environment: { AWS_SECRET_ACCESS_KEY: "s" }, layer: "environment" },
  { when: "the environment has a token alone", environment: { AWS_SESSION_TOKEN: "t" }, layer: "environment" },
  { when: "the file has the profile", file: true, layer: "sharedFile" },
  { when: "a profile is named by us", config: { profile: "p" }, layer: "sharedFile" },
  { when: "a path is named by us", config: { credentialsFile: "/x" }, layer: "sharedFile" },
  { when: "a profile is named by the environment", environment: { AWS_PROFILE: "p" }, layer: "sharedFile" },
  {
    when: "a path is named by the environment",
    environment: { AWS_SHARED_CREDENTIALS_FILE: "/x" },
    layer: "sharedFile",
  },
  { when: "a web identity is given", environment: token, layer: "webIdentity" },
  { when: "a role is given without a token", environment: { AWS_ROLE_ARN: "arn:x" }, layer: undefined },
  { when: "a container endpoint is given", environment: container, layer: "container" },
  {
    when: "our own keys meet the environment's",
    config: { accessKeyId: "AKIA1" },
    environment: keys,
    layer: "config",
    ignored: /^AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY$/,
  },
  {
    when: "the environment's keys meet a file",
    environment: { ...keys, HOME: "/root" },
    file: true,
    layer: "environment",
    ignored: /^profile "default" of "\/root\/.aws\/credentials"$/,
  },
  {
    when: "the environment's keys meet its own profile",
    environment: { ...keys, AWS_PROFILE: "p" },
    layer: "environment",
    ignored: /^AWS_PROFILE$/,
  },
  {
    when: "the environment's keys meet a profile that we name",
    config: { profile: "p" },
    environment: { ...keys, AWS_SESSION_TOKEN: "t" },
    layer: "sharedFile",
    ignored: /^AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN$/,
  },
  {
    when: "our own keys meet our own profile",
    config: { accessKeyId: "AKIA1", profile: "p" },
    layer: "config",
    ignored: /^s3.profile$/,
  },
  {
    when: "a file meets a web identity and a container endpoint",
    environment: { ...token, ...container },
    file: true,
    layer: "sharedFile",
    ignored: /^AWS_WEB_IDENTITY_TOKEN_FILE\|AWS_CONTAINER_CREDENTIALS_FULL_URI$/,
  },
];

for (const { when, config = {}, environment = {}, file = false, layer, ignored } of table) {
  test(`chooseLayer() takes ${layer ?? "none"} when ${when}`, () => {
    const choice = chooseLayer({ config: s3(config), environment, sharedFilePresent: file });

    assert.equal(choice.layer, layer);
    assert.match(choice.ignored.join("|"), ignored ?? /^$/);
  });
}

test("sharedFilePaths() prefers our own path, then the environment's, then HOME's", () => {
  const environment = { HOME: "/root/", AWS_SHARED_CREDENTIALS_FILE: "/env/credentials", AWS_CONFIG_FILE: "~/config" };

  assert.deepEqual(sharedFilePaths(s3({ credentialsFile: "~/own" }), environment), {
    credentials: "/root/own",
    config: "/root/config",
  });
  assert.equal(sharedFilePaths(s3({}), environment).credentials, "/env/credentials");
  assert.deepEqual(sharedFilePaths(s3({}), { HOME: "/root" }), {
    credentials: "/root/.aws/credentials",
    config: "/root/.aws/config",
  });
});

test("sharedFilePaths() names nothing when HOME is unset", () => {
  assert.deepEqual(sharedFilePaths(s3({}), { HOME: "" }), { credentials: undefined, config: undefined });
});

test("profileName() is ours, then AWS_PROFILE, then default", () => {
  assert.equal(profileName(s3({ profile: "own" }), { AWS_PROFILE: "env" }), "own");
  assert.equal(profileName(s3({}), { AWS_PROFILE: "env" }), "env");
  assert.equal(profileName(s3({}), {}), "default");
});
