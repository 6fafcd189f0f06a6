import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CONFIG_KEYS, environmentName } from "../../../src/config/key-paths.ts";
import { type FileRead, type LoadOptions, loadConfig } from "../../../src/config/load.ts";
import { valueAt } from "../../../src/config/tree.ts";
import { BackupError, isBackupError } from "../../../src/errors.ts";

function load(text: string | FileRead, more: Partial<LoadOptions> = {}) {
  return loadConfig({
    file: "x.yaml",
    environment: {},
    flags: {},
    hostname: "cp-1",
    exists: () => false,
    readFile: () => (typeof text === "string" ? { text } : text),
    ...more,
  });
}

describe("loadConfig()", () => {
  it("takes the later of default, file, environment and flag", () => {
    const text = "s3: { bucket: of-file, region: of-file, folder: of-file }";
    const environment = { ETCD_ARK_S3_REGION: "of-environment", ETCD_ARK_S3_FOLDER: "of-environment" };

    const { config, sourceOf } = load(text, { environment, flags: { s3: { folder: "of-flag" } } });

    const { bucket, region, folder, addressing } = config.s3;
    assert.deepEqual(
      { bucket, region, folder, addressing },
      {
        bucket: "of-file",
        region: "of-environment",
        folder: "of-flag",
        addressing: "auto",
      },
    );
    assert.deepEqual(
      ["bucket", "region", "folder", "addressing"].map((key) => sourceOf(["s3", key])),
      ["x.yaml:1:15", "ETCD_ARK_S3_REGION", "flag", "default"],
    );
  });

  it("calls this node by the host's name unless it is told another", () => {
    assert.equal(load("").config.node, "cp-1");
    assert.equal(load("node: other").config.node, "other");
  });

  it("goes without the default file, and not without one that was named", () => {
    const missing = { missing: true } as const;

    assert.equal(load(missing, { file: "" }).config.cluster, "default");
    assert.throws(() => load(missing), /Cannot read configuration file "x.yaml": there is no such file/);
    assert.throws(() => load(missing, { file: "", environment: { ETCD_ARK_CONFIG: "/y.yaml" } }), /"\/y.yaml"/);
  });

  it("fails on a default file that is there and cannot be read", () => {
    assert.throws(() => load({ unreadable: "permission denied" }, { file: "" }), /permission denied/);
  });

  it("ranks etcdctl's variables between the file and its own", () => {
    const environment = { ETCDCTL_ENDPOINTS: "10.0.0.1:2379,10.0.0.2:2379", ETCDCTL_USER: "root:pw" };

    const { etcd } = load("etcd: { endpoints: [of-file:1] }", { environment }).config;
    assert.deepEqual(etcd.endpoints, ["10.0.0.1:2379", "10.0.0.2:2379"]);
    assert.deepEqual([etcd.auth.username, etcd.auth.password], ["root", "pw"]);
    const own = { ...environment, ETCD_ARK_ETCD_ENDPOINTS: "own:2379" };
    assert.deepEqual(load("", { environment: own }).config.etcd.endpoints, ["own:2379"]);
  });

  it("takes an empty variable of etcdctl as not set, and drops empty items of a list", () => {
    const empty = { ETCDCTL_ENDPOINTS: "", ETCDCTL_CERT: "", ETCDCTL_INSECURE_SKIP_TLS_VERIFY: "" };

    const { etcd } = load("etcd: { endpoints: [of-file:1], tls: { skipVerify: true } }", { environment: empty }).config;
    assert.deepEqual(etcd.endpoints, ["of-file:1"]);
    assert.equal(etcd.tls.skipVerify, true);
    const trailing = { ETCDCTL_ENDPOINTS: "a:1,,b:2," };
    assert.deepEqual(load("", { environment: trailing }).config.etcd.endpoints, ["a:1", "b:2"]);
  });

  it("takes etcdctl's booleans as etcdctl does, and refuses what is none by the variable's name", () => {
    const skip = (text: string) =>
      load("", { environment: { ETCDCTL_INSECURE_SKIP_TLS_VERIFY: text } }).config.etcd.tls;

    for (const text of ["1", "t", "T", "true", "True", "TRUE"]) assert.equal(skip(text).skipVerify, true, text);
    for (const text of ["0", "f", "F", "false", "False", "FALSE"]) assert.equal(skip(text).skipVerify, false, text);
    assert.throws(
      () => skip("2"),
      (error) => isBackupError(error, "CONFIG_INVALID") && error.message.includes("ETCDCTL_INSECURE_SKIP_TLS_VERIFY"),
    );
  });

  const users: readonly (readonly [Record<string, string>, string, string])[] = [
    [{ ETCDCTL_USER: "u:p:q" }, "u", "p:q"],
    [{ ETCDCTL_USER: "u", ETCDCTL_PASSWORD: "p" }, "u", "p"],
    [{ ETCDCTL_USER: "u:v", ETCDCTL_PASSWORD: "p" }, "u:v", "p"],
    [{ ETCDCTL_PASSWORD: "p" }, "", ""],
  ];
  for (const [environment, username, password] of users) {
    it(`takes user and password from ${Object.keys(environment).join(" and ")} as etcdctl does`, () => {
      const { config, sourceOf } = load("", { environment });

      assert.deepEqual(config.etcd.auth, { username, password, passwordFile: "" });
      const source = password ? Object.keys(environment).at(-1) : "default";
      assert.equal(sourceOf(["etcd", "auth", "password"]), source);
    });
  }

  it("uses the etcd of the distribution on this node only when nothing says where etcd is", () => {
    const exists = (path: string): boolean => path.startsWith("/var/lib/rancher/k3s/");

    const found = load("", { exists });
    assert.equal(found.detected, "k3s");
    assert.equal(found.config.etcd.tls.certFile, "/var/lib/rancher/k3s/server/tls/etcd/client.crt");
    assert.deepEqual(found.config.etcd.endpoints, ["https://127.0.0.1:2379"]);
    const told = load("etcd: { endpoints: [here:1] }", { exists });
    assert.equal(told.detected, undefined);
    assert.equal(told.config.etcd.tls.certFile, "");
    const preset = load("etcd: { preset: k3s, endpoints: [https://10.0.0.1:2379] }", { exists });
    assert.deepEqual(preset.config.etcd.endpoints, ["https://10.0.0.1:2379"]);
    assert.equal(preset.config.etcd.tls.keyFile, "/var/lib/rancher/k3s/server/tls/etcd/client.key");
  });

  const wrong: readonly { text: string; says: RegExp; hint?: RegExp }[] = [
    {
      text: "s3:\n  bukket: a",
      says: /Cannot use "s3.bukket" \(x.yaml:2:11\): there is no such key/,
      hint: /"s3.bucket"/,
    },
    { text: "retention: { lst: 3 }", says: /"retention.lst"/, hint: /"retention.last"/ },
    { text: "a: b: c", says: /Cannot read x.yaml:1:4/ },
    { text: "s3:\n\tbucket: a", says: /Cannot read x.yaml:2/ },
    { text: "s3:\n  bucket: a\n  bucket: b", says: /x.yaml:3:3: the key stands there twice/ },
    { text: "- a", says: /holds no keys and values/ },
    { text: "s3: { bucket: 5 }", says: /Cannot use "s3.bucket" = 5 \(x.yaml:1:15\): it must be text/ },
    { text: "s3: { partSize: 1MiB }", says: /"s3.partSize" = "1MiB".*5MiB/ },
    { text: "s3: { partSize: 8 parsecs }", says: /not a size/ },
    { text: "etcd: { stallTimeout: soon }", says: /not a duration/ },
    { text: "schedule: { cron: '61 * * * *' }", says: /minute "61"/ },
    { text: "schedule: { cron: '@every 5m' }", says: /@every 5m/ },
    { text: "schedule: { timezone: Mars/Olympus }", says: /Mars\/Olympus/ },
    { text: "retention: { timezone: Nowhere }", says: /Nowhere/ },
    { text: "retention: { last: -1 }", says: /"retention.last" = -1/ },
    { text: "compression: lz4", says: /not a compression/ },
    { text: "compression: zstd:40", says: /not a compression/ },
    { text: "cluster: a/b", says: /Cannot use "cluster" = "a\/b" \(x.yaml:1:10\): only letters/ },
    {
      text: "s3: { secretAccessKey: '${SECRET}' }",
      says: /"\$\{…\}" is not expanded/,
      hint: /ETCD_ARK_S3_SECRET_ACCESS_KEY/,
    },
  ];
  for (const { text, says, hint } of wrong) {
    it(`refuses ${JSON.stringify(text)} with its place and a hint`, () => {
      assert.throws(
        () => load(text),
        (error) =>
          error instanceof BackupError &&
          error.code === "CONFIG_INVALID" &&
          says.test(error.message) &&
          (hint ?? /./).test(error.hint ?? ""),
      );
    });
  }

  it("takes anchors, a byte order mark and an empty file", () => {
    assert.equal(load("\uFEFFs3: { bucket: a }").config.s3.bucket, "a");
    assert.equal(load("directory: { path: &p /x }\nspool: { path: *p }").config.spool.path, "/x");
    assert.equal(load("# nothing\n").config.s3.bucket, "");
  });

  it("gives every key an environment name of its own, which sets it", () => {
    const names = CONFIG_KEYS.map(({ path }) => environmentName(path));

    assert.equal(new Set(names).size, names.length);
    const values = { text: "text", number: "7", boolean: "true", list: "a,b", map: "k=v,l=w" };
    for (const { path, kind } of CONFIG_KEYS) {
      const environment = { [environmentName(path)]: values[kind] };
      try {
        const value = valueAt({ ...load("", { environment }).config }, path);
        const expected = { text: "text", number: 7, boolean: true, list: ["a", "b"], map: { k: "v", l: "w" } }[kind];
        assert.deepEqual(value, expected);
      } catch (error) {
        // A key of a narrower form: its own name must stand in the message.
        assert.ok(error instanceof BackupError && error.message.includes(environmentName(path)), String(error));
      }
    }
  });

  it("refuses an unknown name of its own with the nearest known one", () => {
    assert.throws(
      () => load("", { environment: { ETCD_ARK_S3_BUKET: "b" } }),
      (error) => error instanceof BackupError && error.hint === "Did you mean ETCD_ARK_S3_BUCKET?",
    );
    assert.equal(load("", { environment: { ETCD_ARK_TEST_CACHE: "x", ETCD_ARK_CONFIG: "x.yaml" } }).file, "x.yaml");
  });
});

describe("environmentName()", () => {
  for (const [path, name] of [
    ["s3.endpointCA", "ETCD_ARK_S3_ENDPOINT_CA"],
    ["s3.skipTLSVerify", "ETCD_ARK_S3_SKIP_TLS_VERIFY"],
    ["s3.accessKeyId", "ETCD_ARK_S3_ACCESS_KEY_ID"],
    ["etcd.endpoints", "ETCD_ARK_ETCD_ENDPOINTS"],
  ] as const) {
    it(`spells ${path} ${name}`, () => assert.equal(environmentName(path.split(".")), name));
  }
});
