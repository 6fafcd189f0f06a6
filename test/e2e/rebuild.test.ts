import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import type { ArkResult } from "../support/cli.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { startEtcdOn } from "../support/restore-tools.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { k3sZip } from "../unit/rebuild/rebuild-lab.ts";
import { assertNoPhantom } from "./bucket-truth.ts";
import { allKeys, machineOf, restoredOf } from "./restore-scene.ts";
import { CLUSTER, type SavedSnapshot, type Scene, setScene, stdoutOf } from "./scene.ts";

/** Seconds of names as k3s gives them. */
const SECONDS = 1_767_225_600;

interface Line {
  readonly action: string;
  readonly key: string;
  readonly name?: string;
  readonly why?: string;
}

describe("rebuild", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;

  before(async () => {
    [etcd, rgw] = await Promise.all([startEtcd(), startRgw({ shared: true })]);
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  /** Saves three snapshots, each of a revision of its own, and gives what `list` says. */
  async function saveThree(scene: Scene): Promise<readonly SavedSnapshot[]> {
    for (const value of ["1", "2", "3"]) {
      await etcd.etcdctl("put", "key", value);
      await scene.save(...(value === "2" ? ["--name=nightly"] : []));
    }
    return await scene.list();
  }

  async function loseManifests(scene: Scene): Promise<void> {
    for (const key of await scene.bucket.keys(`${CLUSTER}/manifests/`)) await scene.bucket.delete(key);
  }

  for (const compression of ["none", "zstd"]) {
    it(`makes lost manifests anew, with compression ${compression}, so that all goes on as before`, async () => {
      await using scene = await setScene({ etcd, rgw, config: { compression } });
      const saved = await saveThree(scene);
      const { keys } = await allKeys(etcd.etcdctl, saved[1]?.revision);
      await loseManifests(scene);
      assert.deepEqual(await scene.list(), []);
      const young = stdoutOf(await scene.ark(["rebuild"]));
      assert.equal(young.match(/^left out .*younger than an hour/gm)?.length, 3, young);

      const printed = stdoutOf(await scene.ark(["rebuild", "--force"]));

      assert.deepEqual(
        printed.trimEnd().split("\n").toSorted(),
        saved.map(({ name }) => `rebuilt ${name} in s3://${scene.bucket.name}/`).toSorted(),
      );
      assert.deepEqual((await scene.list()).map(known), saved.map(known));
      stdoutOf(await scene.ark(["verify", "--all"]));
      await using machine = await machineOf(scene);
      const restored = restoredOf(
        await machine.restore([saved[1]?.name ?? "", `--data-dir=${machine.dataDir}`, "-o", "json"]),
      );
      assert.equal(restored.revision, saved[1]?.revision);
      await using server = await startEtcdOn({ dataDir: machine.dataDir, args: [], log: `${machine.dataDir}.log` });
      assert.deepEqual((await allKeys(server.etcdctl)).keys, keys);
      const next = await scene.save();
      assert.deepEqual([next.timeline, next.suspect], ["1", []]);
      if (compression === "none") await assertNoPhantom(scene.bucket);
    });
  }

  it("signs a folder again that has lost its identity too, so that the same cluster goes on", async () => {
    await using scene = await setScene({ etcd, rgw });
    const saved = await saveThree(scene);
    const identity = JSON.parse(String(await scene.bucket.get(`${CLUSTER}/cluster.json`)));
    await loseManifests(scene);
    await scene.bucket.delete(`${CLUSTER}/cluster.json`);

    stdoutOf(await scene.ark(["rebuild", "--force"]));

    const signed = JSON.parse(String(await scene.bucket.get(`${CLUSTER}/cluster.json`)));
    assert.equal(signed.uuid, identity.uuid);
    assert.deepEqual((await scene.list()).map(known), saved.map(known));
    await scene.save();
    assert.equal((await scene.list()).length, 4);
  });

  it("imports a folder of k3s's: whole ones and zips; and says what it leaves out, and adds nothing the next time", async () => {
    await using scene = await setScene({ etcd, rgw, config: { s3: { folder: "backups" } } });
    const [first, second] = [await takeWithEtcdctl(scene, "1"), await takeWithEtcdctl(scene, "2")];
    const names = [SECONDS, SECONDS + 1, SECONDS + 2].map((seconds) => `etcd-snapshot-cp-1-${seconds}`);
    const objects = {
      [`k3s/${names[0]}`]: first,
      [`k3s/${names[1]}`]: first.subarray(0, first.length - 4096),
      [`k3s/${names[2]}.zip`]: k3sZip(names[2] ?? "", second),
      [`k3s/.metadata/${names[0]}`]: Buffer.from("{}"),
    };
    for (const [Key, Body] of Object.entries(objects)) {
      const Metadata = { "K3s-Node-Name": "cp-9" };
      await scene.bucket.client.send(new PutObjectCommand({ Bucket: scene.bucket.name, Key, Body, Metadata }));
    }
    const dry = linesOf(await scene.ark(["rebuild", "--from=k3s", "--dry-run", "-o", "json"]));
    assert.deepEqual(await scene.left(), Object.keys(objects).toSorted());

    const lines = linesOf(await scene.ark(["rebuild", "--from=k3s", "-o", "json"]));

    assert.deepEqual(lines.map(brief), [
      ["imported", `k3s/${names[0]}`],
      ["left out", `k3s/${names[1]}`],
      ["imported", `k3s/${names[2]}.zip`],
    ]);
    assert.deepEqual(dry.map(brief), lines.map(brief));
    const imported = await scene.list();
    assert.deepEqual(
      imported.map(({ name, kind }) => [name.replace(/-[a-z]{4}$/, ""), kind]),
      [
        ["k3s-cp-9-20260101T000000000Z", "on-demand"],
        ["k3s-cp-9-20260101T000002000Z", "on-demand"],
      ],
    );
    for (const [key, bytes] of Object.entries(objects))
      assert.deepEqual(await scene.bucket.get(key), Buffer.from(bytes));
    const keys = await scene.bucket.keys();
    const again = linesOf(await scene.ark(["rebuild", `--from=s3://${scene.bucket.name}/k3s`, "-o", "json"]));
    assert.deepEqual(
      again.map(({ action }) => action),
      ["there already", "left out", "there already"],
    );
    assert.deepEqual(await scene.bucket.keys(), keys);
    stdoutOf(await scene.ark(["verify", "--all"]));
    stdoutOf(await scene.ark(["fetch", imported[1]?.name ?? "", "--to=fetched"]));
    assert.deepEqual(await readFile(join(scene.home, "fetched")), second);
    await using machine = await machineOf(scene);
    const args = [imported[1]?.name ?? "", `--data-dir=${machine.dataDir}`, "-o", "json"];
    assert.equal(restoredOf(await machine.restore(args)).revision, imported[1]?.revision);
    await using server = await startEtcdOn({ dataDir: machine.dataDir, args: [], log: `${machine.dataDir}.log` });
    assert.equal((await server.etcdctl("get", "key", "--print-value-only")).trim(), "2");
    const saved = await scene.save();
    assert.equal((await scene.list()).at(-1)?.name, saved.name);
  });

  it("imports a local directory of k3s's into every store", async () => {
    await using scene = await setScene({ etcd, rgw });
    await scene.configure({ directory: { path: join(scene.home, "store"), minFree: "0%" } });
    const folder = join(scene.home, "db", "snapshots");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `on-demand-cp-1-${SECONDS}`), await takeWithEtcdctl(scene, "1"));

    const printed = stdoutOf(await scene.ark(["rebuild", "--from=./db/snapshots"]));

    assert.equal(
      printed.match(/^imported on-demand-cp-1-\d+ as k3s-cp-1-20260101T000000000Z-[a-z]{4} in /gm)?.length,
      2,
    );
    const [imported] = await scene.list();
    assert.equal(imported?.stores.length, 2);
  });

  /** A snapshot as k3s's etcd would give it, with a value that tells it from others. */
  async function takeWithEtcdctl(scene: Scene, value: string): Promise<Buffer> {
    await etcd.etcdctl("put", "key", value);
    const path = join(scene.home, `taken-${value}`);
    await etcd.etcdctl("snapshot", "save", path);
    return await readFile(path);
  }
});

/** What nobody knows any more is left out of the comparison, and Last-Modified is only near the moment of storing. */
function known(snapshot: SavedSnapshot): unknown {
  const [storedAt, named] = [Date.parse(snapshot.storedAt), momentIn(snapshot.name)];
  const unknown = {
    memberId: "0",
    memberName: "",
    timeline: "0",
    etcdVersion: "",
    distribution: "",
    tick: "",
    startedAt: "",
    finishedAt: "",
    linearized: false,
    dbSizeInUse: 0,
    rebuilt: true,
  };
  return { ...snapshot, ...unknown, storedAt: Math.abs(storedAt - named) < 60_000 };
}

function momentIn(name: string): number {
  const [, date, hour, minute, second] = /-(\d{8})T(\d\d)(\d\d)(\d\d)\d{3}Z-/.exec(name) ?? [];
  return Date.parse(`${date?.replace(/(....)(..)/, "$1-$2-")}T${hour}:${minute}:${second}Z`);
}

/** What `rebuild -o json` has printed before it failed for what it has left out. */
function linesOf(result: ArkResult): Line[] {
  assert.equal(result.code, 15, result.stderr);
  assert.match(result.stderr, /\[SNAPSHOT_CORRUPT\]/);
  return JSON.parse(result.stdout);
}

function brief({ action, key }: Line): string[] {
  return [action, key];
}
