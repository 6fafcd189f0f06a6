import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { normaliseArgv } from "../../../src/cli/argv.ts";
import { treeFromFlags } from "../../../src/config/flags.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { BackupError } from "../../../src/errors.ts";

function configOf(flags: Record<string, string>) {
  return loadConfig({
    file: "",
    environment: {},
    flags: treeFromFlags(flags).tree,
    hostname: "cp-1",
    exists: () => false,
    readFile: () => ({ missing: true }),
  }).config;
}

describe("treeFromFlags()", () => {
  it("maps k3s's flags onto the configuration", () => {
    const config = configOf({
      s3: "true",
      "s3-bucket": "b",
      "s3-region": "eu-west-1",
      "s3-endpoint": "minio.local:9000",
      "s3-bucket-lookup-type": "dns",
      "s3-skip-ssl-verify": "true",
      "s3-timeout": "5m",
      "s3-retention": "7",
      "snapshot-compress": "true",
      dir: "/var/backups",
    });

    assert.equal(config.s3.endpoint, "https://minio.local:9000");
    assert.equal(config.s3.addressing, "virtual");
    assert.equal(config.s3.skipTLSVerify, true);
    assert.equal(config.s3.stallTimeout, 300_000);
    assert.deepEqual(config.compression, { algorithm: "zstd", level: undefined });
    assert.equal(config.directory.path, "/var/backups");
    const { last, hourly, daily, weekly, monthly, yearly, within } = config.retention;
    assert.deepEqual([last, hourly, daily, weekly, monthly, yearly, within], [7, 0, 0, 0, 0, 0, 0]);
  });

  it("takes --s3-insecure as the scheme of a bare host, and a URL as it is", () => {
    assert.equal(configOf({ "s3-endpoint": "h:1", "s3-insecure": "true" }).s3.endpoint, "http://h:1");
    assert.equal(configOf({ "s3-endpoint": "http://h:1" }).s3.endpoint, "http://h:1");
  });

  it("takes k3s's default host as AWS itself, in whichever region", () => {
    assert.equal(configOf({ "s3-endpoint": "s3.amazonaws.com" }).s3.endpoint, "");
  });

  it("refuses --s3-insecure where it would mean nothing", () => {
    assert.throws(() => treeFromFlags({ "s3-insecure": "true" }), /no --s3-endpoint/);
    assert.throws(() => treeFromFlags({ "s3-insecure": "true", "s3-endpoint": "https://h" }), /says https/);
    assert.deepEqual(treeFromFlags({ "s3-insecure": "false" }).tree, {});
  });

  it("refuses two retentions that differ: one policy holds for S3 and the directory", () => {
    assert.throws(() => treeFromFlags({ "s3-retention": "5", "snapshot-retention": "7" }), /retention is one/);
    assert.equal(configOf({ "s3-retention": "5", "snapshot-retention": "5" }).retention.last, 5);
  });

  it("turns S3 off by --s3=false, whatever the file and other flags say", () => {
    assert.deepEqual(treeFromFlags({ s3: "false" }).tree, { s3: { bucket: "" } });
    assert.equal(configOf({ s3: "false", "s3-bucket": "b" }).s3.bucket, "");
    assert.equal(configOf({ "s3-bucket": "b", s3: "false" }).s3.bucket, "");
  });

  for (const [on, words] of [
    [true, ["1", "t", "T", "true", "True", "TRUE"]],
    [false, ["0", "f", "F", "false", "False", "FALSE"]],
  ] as const) {
    it(`takes ${words.join(", ")} for ${on}, as k3s does`, () => {
      for (const word of words) {
        const flags = { s3: word, "s3-bucket": "b", "s3-endpoint": "h", "snapshot-compress": word };
        const { s3, compression } = configOf({ ...flags, "s3-skip-ssl-verify": word, "s3-insecure": word });

        assert.equal(s3.bucket, on ? "b" : "", word);
        assert.equal(s3.skipTLSVerify, on, word);
        assert.equal(s3.endpoint, on ? "http://h" : "https://h", word);
        assert.equal(compression.algorithm, on ? "zstd" : "none", word);
      }
    });
  }

  it("drops empty items of a list", () => {
    assert.deepEqual(configOf({ endpoints: "a:1, ,b:2," }).etcd.endpoints, ["a:1", "b:2"]);
  });

  it("has a word to say about what means something else here", () => {
    assert.equal(treeFromFlags({ "s3-timeout": "5m", "snapshot-compress": "true" }).notes.length, 2);
  });

  for (const [flag, value] of [
    ["etcd-server", "https://x"],
    ["etcd-token", "t"],
    ["s3-config-secret", "s"],
    ["s3-retention", "many"],
    ["s3-timeout", "soon"],
    ["s3-bucket-lookup-type", "magic"],
    ["s3", "yes"],
    ["s3-skip-ssl-verify", "tRUE"],
    ["s3-insecure", ""],
    ["insecure-skip-tls-verify", "2"],
  ] as const) {
    it(`refuses --${flag}=${value} as a mistake of use`, () => {
      assert.throws(
        () => treeFromFlags({ [flag]: value }),
        (error) => error instanceof BackupError && error.code === "USAGE",
      );
    });
  }
});

describe("normaliseArgv()", () => {
  const table: readonly (readonly [string, string])[] = [
    ["save --s3 --s3-bucket b", "save --s3=true --s3-bucket b"],
    ["save --s3=false", "save --s3=false"],
    ["save --etcd-s3 --etcd-s3-bucket=b", "save --s3=true --s3-bucket=b"],
    ["save --etcd-snapshot-compress --etcd-snapshot-dir /x", "save --snapshot-compress=true --dir /x"],
    ["list --dry-run -- --s3", "list --dry-run -- --s3"],
  ];
  for (const [given, expected] of table) {
    it(`turns "${given}" into "${expected}"`, () =>
      assert.deepEqual(normaliseArgv(given.split(" ")), expected.split(" ")));
  }
});
