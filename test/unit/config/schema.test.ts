import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { treeFromFlags } from "../../../src/config/flags.ts";
import { CONFIG_KEYS } from "../../../src/config/key-paths.ts";
import { type LoadOptions, loadConfig } from "../../../src/config/load.ts";
import { treeOf } from "../../../src/config/tree.ts";
import { BackupError } from "../../../src/errors.ts";

function load(text: string, more: Partial<LoadOptions> = {}) {
  return loadConfig({
    file: "x.yaml",
    environment: {},
    flags: {},
    hostname: "cp-1",
    exists: () => false,
    readFile: () => ({ text }),
    ...more,
  });
}

function errorOf(text: string, more: Partial<LoadOptions> = {}): BackupError {
  try {
    load(text, more);
  } catch (error) {
    if (error instanceof BackupError) return error;
    throw error;
  }
  return assert.fail(`no error for ${JSON.stringify(text)}`);
}

describe("Config", () => {
  const refused: readonly (readonly [string, string, RegExp?])[] = [
    ["s3: { accessKeyId: a }", '"s3.accessKeyId" (x.yaml:1:20): it is set without s3.secretAccessKey', /neither/],
    ["s3: { secretAccessKey: a }", '"s3.secretAccessKey" (x.yaml:1:24): it is set without s3.accessKeyId'],
    ["s3: { sessionTokenFile: /t }", '"s3.sessionTokenFile" = "/t" (x.yaml:1:25): it is set without s3.accessKeyId'],
    [
      "s3: { accessKeyId: a, accessKeyIdFile: /a, secretAccessKey: b }",
      '"s3.accessKeyId" (x.yaml:1:20): it is set, and so is s3.accessKeyIdFile',
      /Remove one/,
    ],
    ["s3: { bucket: s3://b/f }", '"s3.bucket" = "s3://b/f" (x.yaml:1:15): it is not the name of a bucket', /s3.folder/],
    ["s3: { endpoint: ftp://h }", '"s3.endpoint" = "ftp://h" (x.yaml:1:17): it is not an http or https URL', /https:/],
    ["s3: { endpoint: 'https://h/?x' }", '"s3.endpoint" = "https://h/?x" (x.yaml:1:17): it has a "?" or "#" in it'],
    ["s3: { folder: a//b }", '"s3.folder" = "a//b" (x.yaml:1:15): it has an empty, "." or ".." part'],
    ["s3: { folder: ../b }", '"s3.folder" = "../b" (x.yaml:1:15): it has an empty, "." or ".." part'],
    ["s3: { proxy: socks5://h }", '"s3.proxy" = "socks5://h" (x.yaml:1:14): it is not an http or https URL', /none/],
    ["s3: { partSize: 6GiB }", '"s3.partSize" = "6GiB" (x.yaml:1:17): it is more than 5GiB, the most that S3 takes'],
    ["s3: { stallTimeout: 0s }", '"s3.stallTimeout" = "0s" (x.yaml:1:21): it is less than 1s'],
    ["s3: { concurrency: 0 }", '"s3.concurrency" = 0 (x.yaml:1:20): it is less than 1'],
    ["s3: { concurrency: 1.5 }", '"s3.concurrency" = 1.5 (x.yaml:1:20): it must be a whole number'],
    ["s3: { concurrency: four }", '"s3.concurrency" = "four" (x.yaml:1:20): it must be a number'],
    ["s3: { addressing: dns }", '"s3.addressing" = "dns" (x.yaml:1:19): it must be one of "auto", "path", "virtual"'],
    ["s3: { skipTLSVerify: 'yes' }", '"s3.skipTLSVerify" = "yes" (x.yaml:1:22): it must be true or false'],
    ["s3: { tags: { a: 1 } }", '"s3.tags.a" = 1 (x.yaml:1:18): it must be text', /quotes/],
    ["s3: { tags: x }", '"s3.tags" = "x" (x.yaml:1:13): it must hold keys and values'],
    ["s3: x", '"s3" (x.yaml:1:5): it must hold keys and values'],
    ["s3: { sse: { kmsKeyId: k } }", '"s3.sse.kmsKeyId" = "k" (x.yaml:1:24): it needs s3.sse.mode "aws:kms"'],
    ["s3: { sse: { mode: customer } }", 'it is "customer" without s3.sse.customerKeyFile'],
    ["s3: { sse: { customerKeyFile: /k } }", 'it needs s3.sse.mode "customer"'],
    ["s3: { objectLock: { mode: GOVERNANCE } }", "it is set without s3.objectLock.days"],
    ["s3: { objectLock: { days: 3 } }", "it is set without s3.objectLock.mode"],
    ["etcd: { endpoints: https://a }", '"etcd.endpoints" = "https://a" (x.yaml:1:20): it must be a list', /brackets/],
    ["etcd: { endpoints: [] }", '"etcd.endpoints" (x.yaml:1:20): it is empty'],
    [
      "etcd: { endpoints: [a:1, 'unix:///x'] }",
      '"etcd.endpoints.1" = "unix:///x" (x.yaml:1:26): it is not an http',
      /2379/,
    ],
    ["etcd: { endpoints: ['http://a/v3'] }", '"etcd.endpoints.0" = "http://a/v3" (x.yaml:1:21): it has a path'],
    ["etcd: { tls: { certFile: /c } }", "it is set without etcd.tls.keyFile"],
    ["etcd: { tls: { keyFile: /c } }", "it is set without etcd.tls.certFile"],
    ["etcd: { auth: { username: root } }", "it is set without a password", /passwordFile/],
    ["etcd: { auth: { passwordFile: /p } }", "it is set without etcd.auth.username"],
    ["etcd: { auth: { username: u, password: a, passwordFile: /p } }", "and so is etcd.auth.passwordFile"],
    ["spool: { path: None }", '"spool.path" = "None" (x.yaml:1:16): it is not an absolute path', /"none" for no spool/],
    ["directory: { minFree: most }", "it is neither a share nor a size", /20%/],
    ["directory: { minFree: 100% }", "it is neither a share nor a size"],
    ["node: 'a b'", '"node" = "a b" (x.yaml:1:7): only letters, digits'],
    ["compression: gzip:10", '"compression" = "gzip:10" (x.yaml:1:14): it is not a compression', /gzip:9/],
    ["schedule: { cron: 1 }", '"schedule.cron" = 1 (x.yaml:1:19): it must be text', /quotes/],
    ["schedule: { cron: '@every 5m' }", "this form is not supported", /\*\/5/],
    ["bucket: b", '"bucket" (x.yaml:1:9): there is no such key', /"s3.bucket"/],
    ["s3:\n  buckett:\n", '"s3.buckett" (x.yaml:2:11): there is no such key', /"s3.bucket"/],
    ["lggoing: {}", '"lggoing" (x.yaml:1:10): there is no such key', /"logging"/],
    ["{ etcd: { preset: k3s }, __proto__: { a: x } }", '"__proto__" (x.yaml:1:37): there is no such key'],
    ["__proto__: { cluster: x }", '"__proto__" (x.yaml:1:12): there is no such key'],
  ];
  for (const [text, message, hint = /./] of refused) {
    it(`refuses ${JSON.stringify(text)} with its place and a hint`, () => {
      const error = errorOf(text);

      assert.equal(error.code, "CONFIG_INVALID");
      assert.ok(error.message.includes(message), error.message);
      assert.match(error.hint ?? "", hint);
    });
  }

  it("names every mistake, the first one with its hint", () => {
    const { message, hint } = errorOf("s3: { buckett: b, partSize: 1MiB }\nclustre: x");

    assert.match(message, /1MiB.*; so is "s3.buckett" \(x.yaml:1:16\).*; so is "clustre" \(x.yaml:2:10\)/);
    assert.match(hint ?? "", /explains every key/);
  });

  it("names the variable or the preset that a mistake comes from", () => {
    const variable = errorOf("", { environment: { ETCD_ARK_S3_PART_SIZE: "1MiB" } });
    const item = errorOf("", { environment: { ETCD_ARK_ETCD_ENDPOINTS: "a:1,ftp://b" } });
    const etcdctl = errorOf("", { environment: { ETCDCTL_CERT: "/c" } });

    assert.match(variable.message, /"s3.partSize" = "1MiB" \(ETCD_ARK_S3_PART_SIZE\)/);
    assert.match(item.message, /"etcd.endpoints.1" = "ftp:\/\/b" \(ETCD_ARK_ETCD_ENDPOINTS\)/);
    assert.match(etcdctl.message, /"etcd.tls.certFile" = "\/c" \(ETCDCTL_CERT\)/);
  });

  it("never shows a secret in an error", () => {
    for (const { path } of CONFIG_KEYS.filter(({ isSecret }) => isSecret)) {
      for (const value of [{ a: "hunter2" }, ["hunter2"], "hunter2", "${hunter2}"]) {
        const inner = JSON.stringify(treeOf(path, value)).slice(1, -1);
        const { message, hint } = errorOf(`{ compression: lz4, ${inner} }`);

        assert.doesNotMatch(`${message} ${hint}`, /hunter2/, path.join("."));
      }
    }
  });

  const passwords: readonly string[] = [
    "s3: { proxy: 'ftp://user:hunter2@h' }",
    "s3: { proxy: 'user:hunter2@h:1' }",
    "s3: { proxy: 'socks5://user:hun/hunter2@h' }",
    "s3: { proxy: 'socks5://user:hun@hunter2@h' }",
    "s3: { proxy: '//user:hunter2@h' }",
    's3: { proxy: "user:\\nhunter2@h" }',
    "s3: { endpoint: 'https://user:hunter2@h' }",
    "etcd: { endpoints: ['user:hunter2@h:2379'] }",
    "etcd: { endpoints: 'a:1,user:hunter2@h:2379' }",
  ];
  for (const text of passwords) {
    it(`refuses ${JSON.stringify(text)} without its password`, () => {
      const { message } = errorOf(text);

      assert.doesNotMatch(message, /hun/);
      assert.match(message, /\*@h/, "the host is shown");
    });
  }

  it("takes what is right", () => {
    const { config } = load(`
s3: { folder: /a/b/, endpoint: "minio.local:9000", proxy: "http://u:p@proxy:3128", partSize: 5MiB, bandwidth: 1024 }
etcd: { endpoints: [a, "b:2379", "http://c:1", "https://[::1]:2379"] }
compression: zstd:3
directory: { minFree: 10GiB }
schedule: { cron: "@daily", jitter: 0 }
`);

    assert.equal(config.s3.folder, "a/b");
    assert.equal(config.s3.partSize, 5 * 2 ** 20);
    assert.deepEqual(config.compression, { algorithm: "zstd", level: 3 });
    assert.equal(config.schedule.jitter, 0);
  });

  it("takes a directory for the spool, or none", () => {
    for (const path of ["", "none", "/var/spool"]) {
      assert.equal(load(JSON.stringify({ spool: { path } })).config.spool.path, path);
    }
  });

  it("is frozen to the ground", () => {
    assert.throws(() => Object.assign(load("").config.s3.sse, { mode: "AES256" }), TypeError);
    assert.throws(() => Object.assign(load("").config.etcd.endpoints, ["x"]), TypeError);
  });
});

describe("loadConfig()", () => {
  it("takes a key or section without a value as not given", () => {
    const found = load("s3:\n  region:\n  sse:\netcd:\n  tls:\n", { exists: () => true });

    assert.equal(found.config.s3.region, "");
    assert.equal(found.detected, "k3s");
  });

  it("lets the later layer replace both forms of a secret, and refuses both in one layer", () => {
    const text = "s3: { accessKeyIdFile: /a, secretAccessKeyFile: /s }\netcd: { auth: { username: u, password: p } }";
    const flags = { s3: { accessKeyId: "AKIA", secretAccessKey: "s" } };
    const environment = { ETCD_ARK_ETCD_AUTH_USERNAME: "v", ETCD_ARK_ETCD_AUTH_PASSWORD_FILE: "/p" };

    const { s3, etcd } = load(text, { flags, environment }).config;

    assert.deepEqual([s3.accessKeyId, s3.accessKeyIdFile, s3.secretAccessKeyFile], ["AKIA", "", ""]);
    assert.deepEqual(etcd.auth, { username: "v", password: "", passwordFile: "/p" });
  });

  for (const key of ["sessionToken: t", "sessionTokenFile: /t"]) {
    it(`leaves the file's "${key}" out when a later layer has a pair of its own`, () => {
      const text = `s3: { accessKeyId: ASIA, secretAccessKey: s, ${key} }`;

      const { s3 } = load(text, { flags: { s3: { accessKeyId: "AKIA", secretAccessKey: "x" } } }).config;

      assert.deepEqual([s3.accessKeyId, s3.sessionToken, s3.sessionTokenFile], ["AKIA", "", ""]);
    });
  }

  it("never joins halves of two layers: each is refused where it stands", () => {
    const keys = "s3: { accessKeyId: AKIA, secretAccessKey: s }";
    const user = "etcd: { auth: { username: u, passwordFile: /p } }";

    const half = errorOf(keys, { environment: { ETCD_ARK_S3_ACCESS_KEY_ID: "AKIB" } });
    const name = errorOf(user, { environment: { ETCDCTL_USER: "v" } });
    const file = errorOf(user, { environment: { ETCD_ARK_ETCD_AUTH_PASSWORD_FILE: "/q" } });

    assert.match(half.message, /\(ETCD_ARK_S3_ACCESS_KEY_ID\): it is set without s3.secretAccessKey/);
    assert.match(name.message, /"v" \(ETCDCTL_USER\): it is set without a password/);
    assert.match(file.message, /\(ETCD_ARK_ETCD_AUTH_PASSWORD_FILE\): it is set without etcd.auth.username/);
    for (const { hint } of [half, name, file]) assert.match(hint ?? "", /in one place/);
  });

  it("lets a user and password of etcdctl or of flags stand without another layer's password file", () => {
    const text = "etcd: { auth: { username: u, passwordFile: /p } }";
    const own = { username: "v", password: "w", passwordFile: "" };

    assert.deepEqual(load(text, { environment: { ETCDCTL_USER: "v:w" } }).config.etcd.auth, own);
    assert.deepEqual(load(text, { flags: treeFromFlags({ user: "v:w" }).tree }).config.etcd.auth, own);
  });

  it("lets a later layer empty one key without losing the others", () => {
    const text = "s3: { accessKeyId: AKIA, secretAccessKey: s, sessionToken: t }";

    const { s3 } = load(text, { environment: { ETCD_ARK_S3_SESSION_TOKEN: "" } }).config;

    assert.deepEqual([s3.accessKeyId, s3.secretAccessKey, s3.sessionToken], ["AKIA", "s", ""]);
  });

  it("refuses a host name that cannot stand in a key, unless a node is named", () => {
    assert.match(errorOf("", { hostname: "my host" }).hint ?? "", /Set "node"/);
    assert.equal(load("node: n", { hostname: "my host" }).config.node, "n");
  });

  it("ends in a configuration or in CONFIG_INVALID, whatever the file holds", () => {
    const scrap = fc.oneof(
      fc.constantFrom(
        "s3:",
        "etcd",
        "\n",
        " ",
        ": ",
        "- ",
        "&a",
        "*a",
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "#",
        "|",
        "\t",
        "!x",
        "---\n",
        "${X}",
        "null",
        "1",
        "<<",
        "? ",
        "%",
      ),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(scrap, { maxLength: 12 }), (scraps) => {
        try {
          load(scraps.join(""));
        } catch (error) {
          assert.ok(error instanceof BackupError && error.code === "CONFIG_INVALID", String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});
