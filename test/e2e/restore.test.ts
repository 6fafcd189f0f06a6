import assert from "node:assert/strict";
import { chmod, cp, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runArk } from "../support/cli.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { execute } from "../support/execute.ts";
import { reservePort } from "../support/ports.ts";
import { startEtcdOn, toolPath } from "../support/restore-tools.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { allKeys, machineOf, restoredOf, type StoredKey } from "./restore-scene.ts";
import { CLUSTER, type Scene, setScene } from "./scene.ts";

describe("restore", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;
  let scene: Scene;
  /** What etcd held at the revision of the snapshot. */
  let keys: readonly StoredKey[];
  let saved: Awaited<ReturnType<Scene["save"]>>;

  before(async () => {
    [etcd, rgw] = await Promise.all([startEtcd(), startRgw({ shared: true })]);
    scene = await setScene({ etcd, rgw, config: { s3: { folder: "backups" } } });
    const { etcdctl } = etcd;
    const lease = /lease (\w+)/.exec(await etcdctl("lease", "grant", "3600"))?.[1] ?? "";
    for (const [key, value] of [
      ["a", "1"],
      ["b", "2"],
      ["a", "3"],
      ["c", "4"],
      ["empty", ""],
    ] as const) {
      await etcdctl("put", key, value);
    }
    await etcdctl("put", "leased", "5", `--lease=${lease}`);
    await etcdctl("del", "c");
    saved = await scene.save();
    ({ keys } = await allKeys(etcdctl, saved.revision));
    assert.equal(keys.length, 4);
    // What is written afterwards must not come back.
    await etcdctl("put", "a", "later");
  });

  after(async () => {
    await scene?.[Symbol.asyncDispose]();
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  const url = (): string => `s3://${scene.bucket.name}/${saved.key}`;

  /** Starts a stock etcd on it and compares every key with the source. */
  async function holdsEverything(dataDir: string, args: readonly string[] = []): Promise<void> {
    await using restored = await startEtcdOn({ dataDir, args, log: `${dataDir}.log` });
    const found = await allKeys(restored.etcdctl);
    assert.deepEqual(found, { keys, revision: Number(saved.revision) });
  }

  it("by name makes a data directory that a stock etcd starts on, with every key as it was", async () => {
    await using machine = await machineOf(scene);
    const result = await machine.restore([saved.name, "--data-dir", machine.dataDir, "-o", "json"]);

    const { name, from, revision, dataDir, walDir, tool, next } = restoredOf(result);
    assert.deepEqual([name, revision, dataDir, walDir], [saved.name, saved.revision, machine.dataDir, null]);
    assert.equal(from, `s3://${scene.bucket.name}/backups/`);
    assert.deepEqual([tool.path.endsWith("/etcdutl"), tool.version], [true, etcd.version]);
    assert.deepEqual(next, [`etcd --data-dir=${machine.dataDir}`, "etcd-ark adopt"]);
    assert.deepEqual(await machine.there(), ["data"]);
    assert.equal((await stat(machine.dataDir)).mode & 0o777, 0o700);
    await holdsEverything(machine.dataDir);
  });

  it("by the URL of the object needs no configuration, no manifest and no etcd", async () => {
    const place = [`--s3-endpoint=${rgw.endpoint}`, `--s3-region=${rgw.region}`];
    await using machine = await machineOf(scene);
    // The bucket of somebody who has kept nothing but the snapshots.
    const manifest = saved.key.replace("/snapshots/", "/manifests/");
    const body = await scene.bucket.get(`${manifest}.json`);
    await scene.bucket.delete(`${manifest}.json`);
    try {
      const args = ["restore", url(), ...place, "--data-dir", machine.dataDir, "-o", "json"];
      const { AWS_EC2_METADATA_DISABLED = "", PATH = "" } = machine.env;
      const { accessKeyId, secretAccessKey } = scene.user;
      const keysOnly = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
      const env = { ...keysOnly, AWS_EC2_METADATA_DISABLED, PATH };
      const result = await runArk(args, { env, cwd: machine.directory });
      const { from, revision } = restoredOf(result);
      assert.match(result.stderr, /no manifest, so etcd's own digest/);
      assert.deepEqual([from, revision], [url(), saved.revision]);
    } finally {
      await scene.bucket.put(`${manifest}.json`, body);
    }
    await holdsEverything(machine.dataDir);
  });

  it("by the URL of the object takes the manifest that is there", async () => {
    await using machine = await machineOf(scene);
    const { name } = restoredOf(await machine.restore([url(), "--data-dir", machine.dataDir, "-o", "json"]));
    assert.equal(name, saved.name);
    await holdsEverything(machine.dataDir);
  });

  it("from a file needs no configuration, and puts the log into a directory of its own", async () => {
    await using machine = await machineOf(scene);
    const file = join(scene.home, "my snapshot.db");
    await writeFile(file, await scene.bucket.get(saved.key));
    const wal = join(machine.directory, "wal");
    const args = ["restore", file, `--data-dir=${machine.dataDir}`, `--wal-dir=${wal}`, "-o", "json"];
    const { env, directory } = machine;
    const { from, walDir } = restoredOf(await runArk(args, { env: { PATH: env["PATH"] ?? "" }, cwd: directory }));
    assert.deepEqual([from, walDir], [file, wal]);
    assert.deepEqual(await machine.there(), ["data", "wal"]);
    await holdsEverything(machine.dataDir, [`--wal-dir=${wal}`]);
  });

  it("with a mere etcdctl of 3.5 does the same", async () => {
    await using machine = await machineOf(scene);
    const etcdctl = join(machine.env["PATH"]?.split(":")[0] ?? "", "etcdctl");
    const args = [saved.name, "--data-dir", machine.dataDir, "--etcdutl", etcdctl, "-o", "json"];
    assert.equal(restoredOf(await machine.restore(args)).tool.path, etcdctl);
    await holdsEverything(machine.dataDir);
  });

  it("restores a snapshot of 3.4 with etcdctl 3.4 for etcd 3.4, and with etcdutl 3.5", async () => {
    await using old = await startEtcd({ version: "3.4" });
    await old.etcdctl("put", "k", "v");
    const file = join(scene.home, "old.db");
    await old.etcdctl("snapshot", "save", file);
    const { keys: oldKeys } = await allKeys(old.etcdctl);
    for (const version of ["3.4", "3.5"] as const) {
      await using machine = await machineOf(scene, version);
      const { tool } = restoredOf(await machine.restore([file, "--data-dir", machine.dataDir, "-o", "json"]));
      assert.equal(tool.version.slice(0, 3), version);
      await using restored = await startEtcdOn({ dataDir: machine.dataDir, version, log: `${machine.dataDir}.log` });
      assert.deepEqual((await allKeys(restored.etcdctl)).keys, oldKeys);
    }
  });

  it("moves the revision ahead for watches, and marks what was before as compacted", async () => {
    await using machine = await machineOf(scene);
    const bump = ["--bump-revision", "1000000000", "--mark-compacted"];
    restoredOf(await machine.restore([saved.name, "--data-dir", machine.dataDir, ...bump, "-o", "json"]));
    await using restored = await startEtcdOn({ dataDir: machine.dataDir, log: `${machine.dataDir}.log` });
    const found = await allKeys(restored.etcdctl);
    assert.deepEqual(found, { keys, revision: Number(saved.revision) + 1_000_000_000 });
    await assert.rejects(allKeys(restored.etcdctl, saved.revision), /required revision has been compacted/);
  });

  it("makes three members of one snapshot, which form one cluster", async () => {
    const names = ["m1", "m2", "m3"];
    const peers = await Promise.all(names.map(async () => `http://127.0.0.1:${await reservePort()}`));
    const cluster = names.map((name, index) => `${name}=${peers[index]}`).join(",");
    await using machine = await machineOf(scene);
    await using members = new AsyncDisposableStack();
    const started = [];
    for (const [index, name] of names.entries()) {
      const peer = peers[index] ?? "";
      const dataDir = join(machine.directory, name);
      const member = ["--name", name, "--initial-cluster", cluster, "--initial-cluster-token", "anew"];
      const args = [...member, "--initial-advertise-peer-urls", peer];
      const result = await machine.restore([saved.name, "--data-dir", dataDir, ...args, "-o", "json"]);
      assert.match(restoredOf(result).next[0] ?? "", new RegExp(`^etcd --data-dir=${dataDir} --name=${name} `));
      assert.match(result.stderr, /Restore the same snapshot on member m/);
      const wait = index === 2 ? "healthy" : "running";
      started.push(members.use(await startEtcdOn({ dataDir, peer, args, log: `${dataDir}.log` }, wait)));
    }
    for (const { etcdctl } of started) {
      const found = await allKeys(etcdctl);
      assert.deepEqual(found, { keys, revision: Number(saved.revision) });
    }
    const list = (await started[0]?.etcdctl("member", "list")) ?? "";
    assert.equal(list.match(/started, m[123],/g)?.length, 3, list);
  });

  it("gives the directory to the owner of the empty one that it replaces", async () => {
    await using machine = await machineOf(scene);
    await mkdir(machine.dataDir, { mode: 0o755 });
    const before = await stat(machine.dataDir);
    restoredOf(await machine.restore([saved.name, "--data-dir", machine.dataDir, "-o", "json"]));
    const now = await stat(join(machine.dataDir, "member", "snap", "db"));
    assert.deepEqual([now.uid, now.gid], [before.uid, before.gid]);
    await holdsEverything(machine.dataDir);
  });

  it("unpacks what is stored compressed", async () => {
    await using other = await setScene({ etcd, rgw, config: { compression: "zstd" } });
    const { name, revision } = await other.save();
    await using machine = await machineOf(other);
    const printed = restoredOf(await machine.restore([name, "--data-dir", machine.dataDir, "-o", "json"]));
    assert.equal(printed.revision, revision);
  });

  it("--time takes what was finished by then, and says what is lost; --latest takes the newest", async () => {
    await using other = await setScene({ etcd, rgw });
    const first = await other.save();
    const [listed] = JSON.parse((await other.ark(["list", "-o", "json"])).stdout);
    await etcd.etcdctl("put", "between", "");
    const second = await other.save();
    await using machine = await machineOf(other);

    const time = ["--time", listed.finishedAt, "--data-dir", machine.dataDir, "-o", "json"];
    const result = await machine.restore(time);
    assert.equal(restoredOf(result).name, first.name);
    const count = BigInt(second.revision) - BigInt(first.revision);
    assert.match(
      result.stderr,
      new RegExp(`lost are the writes from .* to .*; at most ${count} revisions, as ${second.name}`),
    );
    const latest = await machine.restore(["--latest", "--data-dir", `${machine.dataDir}2`, "-o", "json"]);
    assert.equal(restoredOf(latest).name, second.name);
  });

  it("prints on stdout the directory alone, and what to do next on stderr", async () => {
    await using machine = await machineOf(scene);
    const { code, stdout, stderr } = await machine.restore([saved.name, "--data-dir", machine.dataDir]);
    assert.deepEqual([code, stdout], [0, `${machine.dataDir}\n`]);
    assert.match(stderr, new RegExp(`Next:\n {2}etcd --data-dir=${machine.dataDir}\n {2}etcd-ark adopt\n`));
  });

  it("restores over a file that was copied from a data directory only when forced", async () => {
    const copy = join(scene.home, "copied.db");
    await cp(join(etcd.members[0]?.dataDir ?? "", "member", "snap", "db"), copy);
    await chmod(copy, 0o600);
    await using machine = await machineOf(scene);
    const refused = await machine.restore([copy, "--data-dir", machine.dataDir]);
    assert.equal(refused.code, 15, refused.stderr);
    assert.match(refused.stderr, /no digest at its end.*\n.*--force/);
    restoredOf(await machine.restore([copy, "--data-dir", machine.dataDir, "--force", "-o", "json"]));
    await using restored = await startEtcdOn({ dataDir: machine.dataDir, log: `${machine.dataDir}.log` });
    assert.ok((await allKeys(restored.etcdctl)).keys.length >= keys.length);
  });

  it("--for prints a guide with the snapshot's name and place, and touches nothing", async () => {
    await using machine = await machineOf(scene);
    const { code, stdout, stderr } = await machine.restore([saved.name, "--for", "k3s"]);
    assert.equal(code, 0, stderr);
    for (const flag of [
      `--cluster-reset-restore-path=${saved.name} `,
      `--etcd-s3-bucket=${scene.bucket.name} `,
      `--etcd-s3-folder=backups/${CLUSTER}/snapshots `,
      `--etcd-s3-endpoint=${new URL(rgw.endpoint).host} `,
      "--etcd-s3-insecure ",
    ]) {
      assert.ok(stdout.includes(flag), `${flag}\n${stdout}`);
    }
    assert.ok(!stdout.includes(scene.user.secretAccessKey) && !stdout.includes(scene.user.accessKeyId));
    assert.deepEqual(await machine.there(), []);
    // What it says of the bucket is what is there.
    assert.ok(await scene.bucket.get(`backups/${CLUSTER}/snapshots/${saved.name}`));
    const latest = await machine.restore(["--latest", "--for", "kubeadm"]);
    assert.match(latest.stdout, new RegExp(`etcdutl snapshot restore /root/${saved.name}`));
  });

  it("runs the commands of the kubeadm guide, as far as they are etcd's", async () => {
    await using machine = await machineOf(scene);
    const { stdout } = await machine.restore([saved.name, "--for", "kubeadm"]);
    const file = join(machine.directory, saved.name);
    await writeFile(file, await scene.bucket.get(saved.key));
    const [, command = ""] = / {5}(etcdutl snapshot restore (?:.*\\\n)+.*)\n/.exec(stdout) ?? [];
    const line = command
      .replaceAll("\\\n", "")
      .replace(`/root/${saved.name}`, file)
      .replace("/var/lib/etcd", machine.dataDir)
      .replaceAll("NODE", "cp-1")
      .replaceAll("ADDRESS", "127.0.0.1");
    const PATH = await toolPath(machine.directory);
    await execute(["sh", "-c", line], { PATH });
    await using restored = await startEtcdOn({
      dataDir: machine.dataDir,
      args: ["--name=cp-1"],
      log: `${machine.dataDir}.log`,
    });
    assert.deepEqual((await allKeys(restored.etcdctl)).keys, keys);
    assert.ok((await readFile(file)).length > 0);
  });
});
