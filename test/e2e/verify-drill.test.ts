import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { toolPath } from "../support/restore-tools.ts";
import { snapshotStatus } from "../support/restored-etcd.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { type TempDir, tempDir } from "../support/temp-dir.ts";
import { assertFails, CLUSTER, heard, type SavedSnapshot, type Scene, setScene, stdoutOf } from "./scene.ts";

/** Changes one bit in the middle of what is stored. */
async function flipStored({ bucket }: Scene, { key }: SavedSnapshot): Promise<void> {
  const body = await bucket.get(key);
  const at = Math.floor(body.length / 2);
  body.writeUInt8(body.readUInt8(at) ^ 1, at);
  await bucket.put(key, body);
}

/** Writes another manifest in place of a snapshot's own. */
async function doctor({ bucket }: Scene, { name }: SavedSnapshot, changes: Record<string, unknown>): Promise<void> {
  const key = `${CLUSTER}/manifests/${name}.json`;
  const manifest = JSON.parse((await bucket.get(key)).toString());
  await bucket.put(key, JSON.stringify({ ...manifest, ...changes }));
}

describe("verify and drill", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;
  let tools: TempDir;
  let PATH: string;

  before(async () => {
    etcd = await startEtcd();
    rgw = await startRgw({ shared: true });
    tools = await tempDir("etcd-ark-tools-");
    PATH = await toolPath(tools.path);
    for (let index = 0; index < 30; index++) await etcd.etcdctl("put", `key-${index % 20}`, "x".repeat(2000));
    await etcd.etcdctl("del", "key-3");
    await etcd.etcdctl("compact", "12");
  });

  after(async () => {
    await tools?.[Symbol.asyncDispose]();
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  it("verify says by its own names what stock `snapshot status` says, straight from S3 and of a file", async () => {
    await using scene = await setScene({ etcd, rgw });
    const saved = await scene.save();
    const file = join(scene.home, "copy.db");
    await writeFile(file, await scene.bucket.get(saved.key));
    const stock = await snapshotStatus(file);

    const lines = JSON.parse(stdoutOf(await scene.ark(["verify", saved.name, file, "-o", "json"])));

    for (const { hash, revision, totalKey, totalSize, passed } of lines) {
      assert.deepEqual({ hash, revision, totalKey, totalSize, passed }, { ...stock, passed: true });
    }
    assert.equal(lines.length, 2);
    const [listed] = JSON.parse(stdoutOf(await scene.ark(["list", "-o", "json"])));
    assert.deepEqual([listed.checks[0].level, listed.checks[0].passed], ["full", true]);
  });

  it("verify --live finds that the live member has the same HashKV", async () => {
    await using scene = await setScene({ etcd, rgw });
    await scene.save();
    const [line] = JSON.parse(stdoutOf(await scene.ark(["verify", "--live", "-o", "json"])));
    assert.deepEqual(line.live, { member: etcd.endpoints[0] });
  });

  it("verify works on a compressed snapshot", async () => {
    await using scene = await setScene({ etcd, rgw, config: { compression: "zstd" } });
    await scene.save();
    const [line] = JSON.parse(stdoutOf(await scene.ark(["verify", "-o", "json"])));
    assert.equal(line.passed, true);
    assert.equal(line.liveKeys, 19);
  });

  it("one flipped bit in the bucket is 15, listed as corrupt, and kept by prune while it counts no more", async () => {
    const retention = { last: 0, daily: 0, weekly: 0, onDemand: { last: 1 } };
    await using scene = await setScene({ etcd, rgw, config: { retention } });
    const [older, newest] = [await scene.save(), await scene.save()];
    await flipStored(scene, newest);

    const result = await scene.ark(["verify", "--all"]);

    assert.equal(result.code, 15, result.stderr);
    assert.match(result.stdout, new RegExp(`${older.name}: passed`));
    assert.match(result.stdout, new RegExp(`${newest.name}: CORRUPT`));
    assert.match(result.stderr, /hint: /);
    assert.match(stdoutOf(await scene.ark(["list"])), /CORRUPT in s3:/);
    const plan = JSON.parse(stdoutOf(await scene.ark(["prune", "--dry-run", "-o", "json"])));
    assert.deepEqual(
      plan.map(({ name, action }: { name: string; action: string }) => [name, action]),
      [
        [older.name, "keep"],
        [newest.name, "keep"],
      ],
    );
  });

  it("a drill restores the newest, starts a stock etcd on it, and its evidence is listed; nothing else stays", async () => {
    await using scene = await setScene({ etcd, rgw });
    const saved = await scene.save();
    const env = { ...scene.env, PATH, TMPDIR: scene.home };

    const drilled = JSON.parse(stdoutOf(await scene.ark(["drill", "-o", "json"], { env })));

    assert.deepEqual([drilled.snapshot, drilled.passed, drilled.revision], [saved.name, true, saved.revision]);
    assert.equal(drilled.liveKeys, 19);
    const [listed] = JSON.parse(stdoutOf(await scene.ark(["list", "-o", "json"])));
    assert.equal(listed.drill.passed, true);
    const key = drilled.record.replace(`s3://${scene.bucket.name}/`, "");
    const evidence = JSON.parse((await scene.bucket.get(key)).toString());
    assert.ok(evidence.timeToRestoreMs > 0);
    assert.deepEqual([evidence.passed, evidence.server.version], [true, etcd.version]);
    assert.deepEqual(
      (await readdir(scene.home)).filter((name) => name.startsWith(".etcd-ark")),
      [],
    );
  });

  for (const { what, changes, says } of [
    { what: "revision", changes: { revision: "7", liveKeysRevision: "7" }, says: /revision of the restored etcd/ },
    { what: "number of keys", changes: { liveKeys: 18 }, says: /number of keys of the restored etcd is 19/ },
    { what: "digest", changes: { sha256: "0".repeat(64) }, says: /SHA-256/ },
  ]) {
    it(`a drill fails with 15 when the manifest was doctored: ${what}`, async () => {
      await using scene = await setScene({ etcd, rgw });
      await doctor(scene, await scene.save(), changes);

      const result = await scene.ark(["drill"], { env: { ...scene.env, PATH, TMPDIR: scene.home } });

      assertFails({ ...result, stdout: "" }, { exit: 15, code: "SNAPSHOT_CORRUPT", says, hint: /etcd-ark save/ });
      assert.match(stdoutOf(await scene.ark(["list"])), /drill FAILED/);
    });
  }

  it("a drill of a cluster with users takes theirs, and is refused without", async () => {
    await using guarded = await startEtcd({ auth: true });
    const { username = "", password = "" } = guarded.auth ?? {};
    const auth = { username, password };
    await using scene = await setScene({ etcd: guarded, rgw, config: { etcd: { auth } } });
    await scene.save();
    const env = { ...scene.env, PATH, TMPDIR: scene.home };

    assert.match(stdoutOf(await scene.ark(["drill"], { env })), /passed \(drill\)/);

    await scene.configure({ etcd: { endpoints: guarded.endpoints } });
    const refused = await scene.ark(["drill"], { env });
    assertFails(refused, { exit: 12, code: "ETCD_REFUSED", says: /user/, hint: /etcd\.auth/ });
  });

  it("a drill without an etcd to start says so and verifies instead", async () => {
    await using scene = await setScene({ etcd, rgw });
    await scene.save();

    const result = await scene.ark(["drill"], { env: { ...scene.env, PATH: "/usr/bin:/bin" } });

    assert.match(stdoutOf(result), /no etcd to start, so verified only/);
    assert.match(result.stderr, /drill\.etcd/);
    assert.match(stdoutOf(await scene.ark(["list"])), /full .*ago/);
  });

  it("the daemon verifies and drills on their own schedules, and says what came of it", async () => {
    const config = { verify: { cron: "*/2 * * * * *" }, drill: { cron: "*/3 * * * * *" } };
    await using scene = await setScene({ etcd, rgw, config });
    const { name } = await scene.save();
    await using daemon = scene.start(["run"], { env: { ...scene.env, PATH, TMPDIR: scene.home } });

    const [verified, drilled] = await Promise.all([heard(daemon, "verify.finished"), heard(daemon, "drill.finished")]);

    assert.deepEqual([verified["snapshot"], verified["passed"], verified["level"]], [name, true, "full"]);
    assert.deepEqual([drilled["snapshot"], drilled["passed"]], [name, true]);
  });
});
