import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runArk } from "../support/cli.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { snapshotStatus, startRestored } from "../support/restored-etcd.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { assertFails, CLUSTER, type Scene, setScene, stdoutOf } from "./scene.ts";

describe("save, list and fetch", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;
  let scene: Scene;

  before(async () => {
    etcd = await startEtcd();
    rgw = await startRgw({ shared: true });
    scene = await setScene({ etcd, rgw });
    for (let key = 0; key < 20; key++) await etcd.etcdctl("put", `/registry/${key}`, `value ${key}`);
  });

  after(async () => {
    await scene?.[Symbol.asyncDispose]();
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  it("save stores the bytes that etcd sent, as etcdctl does, and stock tools restore them", async () => {
    const manifest = await scene.save();
    const [ours, theirs] = [join(scene.home, "ours.db"), join(scene.home, "theirs.db")];
    const stored = await scene.bucket.get(manifest.key);
    await writeFile(ours, stored);
    await etcd.etcdctl("snapshot", "save", theirs);
    // etcd commits before each snapshot, so two of an idle one differ in pages, size and hash; not in what they hold.
    const digest = createHash("sha256").update(stored.subarray(0, -32)).digest();
    assert.ok(stored.subarray(-32).equals(digest), "the digest at the end is of other bytes");
    const status = await snapshotStatus(ours);
    const { revision, totalKey } = await snapshotStatus(theirs);
    assert.deepEqual([status.revision, status.totalKey], [revision, totalKey]);
    assert.equal(String(status.revision), manifest.revision);
    await using restored = await startRestored(ours);
    assert.equal(await restored.etcdctl("get", "/registry/7", "--print-value-only"), "value 7\n");
  });

  it("save leaves an object, its manifest and the identity, and nothing else", async () => {
    await using own = await setScene({ etcd, rgw });
    const { name } = await own.save();
    assert.deepEqual(await own.left(), [`${CLUSTER}/manifests/${name}.json`, `${CLUSTER}/snapshots/${name}`]);
  });

  it("save prints the URL and the folder for k3s on stdout", async () => {
    const printed = stdoutOf(await scene.ark(["save"]));
    const [url, revision, k3s, ...rest] = printed.split("\n");
    assert.match(
      url ?? "",
      new RegExp(`^s3://${scene.bucket.name}/${CLUSTER}/snapshots/ark-manual-cp-1-\\d{8}T\\d{9}Z-`),
    );
    assert.match(revision ?? "", /^ {2}revision \d+, .*digest right$/);
    assert.equal(k3s, `  k3s restores it with --etcd-s3-folder=${CLUSTER}/snapshots`);
    assert.deepEqual(rest, [""]);
  });

  it("save -o json prints the manifest that is stored, and -o yaml the same", async () => {
    const { stores, ...manifest } = await scene.save();
    assert.deepEqual(stores, [`s3://${scene.bucket.name}/`]);
    const stored = await scene.bucket.get(`${CLUSTER}/manifests/${manifest.name}.json`);
    assert.deepEqual(manifest, JSON.parse(stored.toString()));
    assert.match(stdoutOf(await scene.ark(["save", "-o", "yaml"])), /^formatVersion: 1\n[\s\S]*\nrevision: "\d+"\n/);
  });

  it("list -o json gives every manifest with its stores, oldest first", async () => {
    await using own = await setScene({ etcd, rgw });
    const saved = [await own.save(), await own.save("--name=before-upgrade")];
    assert.deepEqual(await own.list(), saved);
    assert.match(saved[1]?.name ?? "", /^before-upgrade-cp-1-/);
    const table = stdoutOf(await own.ark(["ls"]));
    assert.deepEqual(
      table.split("\n").map((line) => line.split(" ", 1)[0]),
      ["NAME", ...saved.map(({ name }) => name), ""],
    );
  });

  it("fetch gives the snapshot back, readable for its owner only", async () => {
    const { name, sha256 } = await scene.save();
    const printed = stdoutOf(await scene.ark(["fetch", name]));
    const file = join(scene.home, name);
    assert.equal(printed, `${file}\n`);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await readFile(file)).subarray(-32).toString("hex"), sha256);
  });

  it("fetch takes a directory, or a name with a space in it", async () => {
    const { name, sha256 } = await scene.save();
    for (const [to, file] of [
      ["fetched/", join("fetched", name)],
      ["my file.db", "my file.db"],
    ] as const) {
      assert.equal(stdoutOf(await scene.ark(["fetch", name, "--to", to])), `${join(scene.home, file)}\n`);
      assert.equal((await readFile(join(scene.home, file))).subarray(-32).toString("hex"), sha256);
    }
  });

  it("fetch refuses a file that is there, and leaves it alone", async () => {
    const { name } = await scene.save();
    const file = join(scene.home, "precious.db");
    await writeFile(file, "precious");
    const result = await scene.ark(["fetch", name, "--to", file]);
    assertFails(result, { exit: 13, code: "STORE_CONFLICT", says: /precious\.db"/, hint: /another file with --to/ });
    assert.equal(await readFile(file, "utf8"), "precious");
    assert.deepEqual(
      (await readdir(scene.home)).filter((entry) => entry.includes("precious")),
      ["precious.db"],
    );
  });

  it("fetch refuses an object that was altered, and leaves no file", async () => {
    await using own = await setScene({ etcd, rgw });
    const { name, key } = await own.save();
    const bytes = await own.bucket.get(key);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await own.bucket.put(key, bytes);
    const result = await own.ark(["fetch", name]);
    assertFails(result, { exit: 15, code: "SNAPSHOT_CORRUPT", says: new RegExp(name), hint: /`etcd-ark list`/ });
    assert.deepEqual((await readdir(own.home)).sort(), [".aws", "config.yaml"]);
  });

  it("ends with 10 when a file that the configuration names is missing, although credentials are watched by then", async () => {
    for (const command of ["run", "save", "list"]) {
      const result = await scene.ark([command, "--s3-endpoint-ca=/no/such/ca.pem"]);
      assertFails(result, { exit: 10, code: "CONFIG_INVALID", says: /ca\.pem/, hint: /s3\.endpointCA/ });
    }
  });

  it("list and fetch find the only cluster in the directory while S3 is away, with no cluster named", async () => {
    await using own = await setScene({ etcd, rgw });
    const directory = { path: join(own.home, "snapshots"), minFree: "0%" };
    await own.configure({ directory });
    const { name } = await own.save();
    await own.configure({ cluster: undefined, directory, s3: { endpoint: "http://127.0.0.1:1" } });
    stdoutOf(await own.ark(["fetch", name]));
    assert.ok((await readFile(join(own.home, name))).length > 0);
  });

  it("fetch of a name that there is not is 14, with a hint to list", async () => {
    const result = await scene.ark(["fetch", "ark-none"]);
    assertFails(result, { exit: 14, code: "SNAPSHOT_NOT_FOUND", says: /"ark-none"/, hint: /etcd-ark list/ });
  });

  it("compressed snapshots are fetched as etcd gave them", async () => {
    for (const [compression, ending] of [
      ["zstd", ".zst"],
      ["gzip:9", ".gz"],
    ] as const) {
      await using own = await setScene({ etcd, rgw, config: { compression } });
      const { name, key, sha256 } = await own.save();
      assert.ok(key.endsWith(ending), key);
      stdoutOf(await own.ark(["fetch", name, "--to", "out.db"]));
      assert.equal((await readFile(join(own.home, "out.db"))).subarray(-32).toString("hex"), sha256);
      assert.ok((await snapshotStatus(join(own.home, "out.db"))).totalKey > 0);
    }
  });

  it("k3s's command line needs a credentials file under HOME and nothing else", async () => {
    await using own = await setScene({ etcd, rgw });
    const { env, home: cwd, bucket } = own;
    const s3 = [`--s3-endpoint=${rgw.endpoint.replace("http://", "")}`, "--s3-insecure", "--s3-region=us-east-1"];
    const place = ["--s3", `--s3-bucket=${bucket.name}`, ...s3, "--s3-folder=k3s/backups"];
    const args = ["etcd-snapshot", "save", ...place, `--endpoints=${etcd.endpoints[0]}`, "-o", "json"];
    const saved = JSON.parse(stdoutOf(await runArk(args, { env, cwd })));
    assert.equal(saved.key, `k3s/backups/default/snapshots/${saved.name}`);
    const aliases = [
      "--etcd-s3=true",
      `--etcd-s3-bucket=${bucket.name}`,
      ...s3.map((flag) => flag.replace("--", "--etcd-")),
    ];
    const list = ["etcd-snapshot", "ls", ...aliases, "--etcd-s3-folder", "k3s/backups", "-o", "json"];
    const listed = JSON.parse(stdoutOf(await runArk(list, { env, cwd })));
    assert.deepEqual(listed, [saved]);
    const gone = await runArk(["etcd-snapshot", "delete", saved.name, ...place], { env, cwd });
    assert.match(stdoutOf(gone), new RegExp(`^deleted ${saved.name} from s3://`));
    assert.deepEqual(await own.left(), []);
  });

  it("etcdctl's variables name etcd, below our own", async () => {
    await using own = await setScene({ etcd, rgw });
    const env = { ...own.env, ETCD_ARK_S3_BUCKET: own.bucket.name, ETCD_ARK_S3_ENDPOINT: rgw.endpoint };
    const endpoints = etcd.endpoints.join(",");
    const theirs = await runArk(["save"], { env: { ...env, ETCDCTL_ENDPOINTS: endpoints } });
    assert.equal(theirs.code, 0, theirs.stderr);
    const names = { ETCDCTL_ENDPOINTS: "127.0.0.1:1", ETCD_ARK_ETCD_ENDPOINTS: endpoints };
    const ours = await runArk(["save"], { env: { ...env, ...names } });
    assert.equal(ours.code, 0, ours.stderr);
  });
});
