import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type ErrorCode, isBackupError } from "../../../src/errors.ts";
import { layout } from "../../../src/model/layout.ts";
import type { RestoreSource } from "../../../src/restore/source.ts";
import { CLUSTER } from "../../support/backup-lab.ts";
import { type RestoreLab, restoreLab } from "./restore-lab.ts";

const DB = ["member", "snap", "db"] as const;
const RESTORED = [
  "data",
  "data/member",
  "data/member/snap",
  "data/member/snap/db",
  "data/member/wal",
  "data/member/wal/0.wal",
];

describe("restoreSnapshot()", () => {
  let lab: RestoreLab;
  let snapshot: Buffer;

  beforeEach(async () => {
    lab = await restoreLab();
    snapshot = lab.backups.source.snapshot();
  });

  afterEach(async () => {
    await lab[Symbol.asyncDispose]();
  });

  const shapes: readonly (readonly [string, () => Promise<RestoreSource>])[] = [
    ["with its manifest", () => lab.stored()],
    ["without a manifest", () => plainObject("NAME", snapshot, [])],
    ["without a manifest, compressed with zstd", () => plainObject("NAME.zst", zstdCompressSync(snapshot), ["zstd"])],
  ];
  for (const [what, make] of shapes) {
    it(`makes the data directory from an object ${what}, and leaves nothing else`, async () => {
      const { revision } = await lab.restore(await make());

      assert.equal(revision, 100n);
      assert.deepEqual(await lab.files(), RESTORED);
      assert.deepEqual(await readFile(lab.path("data", ...DB)), snapshot);
      assert.equal(lab.tool.requests[0]?.skipHashCheck, false);
      assert.deepEqual(lab.progress.at(-1), [snapshot.length, snapshot.length]);
    });
  }

  async function plainObject(file: string, bytes: Uint8Array, encoding: readonly string[]): Promise<RestoreSource> {
    const { store, never } = lab.backups;
    const { object } = await store.create(`elsewhere/${file}`, bytes, never);
    // What is compressed is announced with the size that it has in the bucket.
    return { kind: "object", store, key: object.key, object: { name: file, sizeBytes: snapshot.length, encoding } };
  }

  it("restores a file where it lies", async () => {
    await lab.restore(await lab.file(snapshot));

    assert.equal(lab.tool.requests[0]?.file, lab.path("file.db"));
    assert.deepEqual(await lab.files(), [...RESTORED, "file.db"]);
  });

  it("restores over an empty directory", async () => {
    await mkdir(lab.path("data"));
    await lab.restore(await lab.file(snapshot));
    assert.equal((await stat(lab.path("data", ...DB))).size, snapshot.length);
  });

  const wrongFiles: readonly (readonly [string, (bytes: Buffer) => Buffer, ErrorCode, RegExp, RegExp])[] = [
    ["is empty", () => Buffer.alloc(0), "SNAPSHOT_CORRUPT", /empty/, /etcd-ark list/],
    ["is compressed with zstd", (bytes) => zstdCompressSync(bytes), "SNAPSHOT_CORRUPT", /zstd/, /zstd -d/],
    ["is compressed with gzip", (bytes) => gzipSync(bytes), "SNAPSHOT_CORRUPT", /gzip/, /gunzip/],
    ["is no database", () => Buffer.from("PK".repeat(999)), "SNAPSHOT_CORRUPT", /no database/, /snapshot save/],
    ["has no digest", (bytes) => bytes.subarray(0, -32), "SNAPSHOT_CORRUPT", /no digest/, /--force/],
    ["was cut off", (bytes) => bytes.subarray(0, 8192), "SNAPSHOT_CORRUPT", /it is cut short/, /--force/],
    ["has a flipped bit", flip, "SNAPSHOT_CORRUPT", /digest at its end says/, /etcd-ark list/],
  ];
  for (const [what, spoil, code, says, hint] of wrongFiles) {
    it(`refuses a file that ${what}, and changes nothing`, async () => {
      const source = await lab.file(spoil(snapshot));

      await assert.rejects(lab.restore(source), (error) => {
        assert.ok(isBackupError(error, code), String(error));
        assert.match(error.message, says);
        assert.match(error.hint ?? "", hint);
        return true;
      });
      assert.deepEqual(await lab.files(), ["file.db"]);
    });
  }

  const forced: readonly (readonly [string, (bytes: Buffer) => Buffer, boolean, RegExp])[] = [
    ["without a digest", (bytes) => bytes.subarray(0, -32), true, /no digest/],
    ["with a flipped bit", flip, true, /digest at its end says/],
  ];
  for (const [what, spoil, skipHashCheck, warns] of forced) {
    it(`restores a file ${what} when forced, and says so`, async () => {
      await lab.restore(await lab.file(spoil(snapshot)), { force: true });

      assert.equal(lab.tool.requests[0]?.skipHashCheck, skipHashCheck);
      assert.match(lab.warnings.join(), warns);
    });
  }

  it("lets the tool look at the digest of what is right when forced", async () => {
    await lab.restore(await lab.stored(["revision went back"]), { force: true });
    assert.equal(lab.tool.requests[0]?.skipHashCheck, false);
  });

  it("stops the tool, and leaves nothing, when the pages are wrong while it unpacks", async () => {
    const spoiled = Buffer.from(snapshot);
    spoiled.writeUInt8(9, 3 * 4096 + 8);
    createHash("sha256")
      .update(spoiled.subarray(0, -32))
      .digest()
      .copy(spoiled, spoiled.length - 32);

    await assert.rejects(lab.restore(await lab.file(spoiled)), (error) => isBackupError(error, "SNAPSHOT_CORRUPT"));

    assert.deepEqual(await lab.files(), ["file.db"]);
  });

  it("refuses a file whose name ends in .part unless it is forced", async () => {
    const source = await lab.file(snapshot, "file.db.part");
    await assert.rejects(lab.restore(source), /never finished/);
    await lab.restore(source, { force: true });
    assert.match(lab.warnings.join(), /never finished/);
  });

  it("refuses a suspect snapshot unless it is forced", async () => {
    const source = await lab.stored(["revision went back"]);
    await assert.rejects(lab.restore(source), (error) => isBackupError(error, "SNAPSHOT_SUSPECT") && !!error.hint);
    await lab.restore(source, { force: true });
    assert.match(lab.warnings.join(), /suspect: revision went back/);
  });

  it("refuses stored bytes that are not those of the manifest unless it is forced", async () => {
    const source = await lab.stored();
    const key = source.kind === "stored" ? layout.snapshot(CLUSTER, source.snapshot.manifest.name, []) : "";
    await lab.backups.store.replace(key, flip(snapshot), lab.backups.never);

    await assert.rejects(lab.restore(source), (error) => isBackupError(error, "SNAPSHOT_CORRUPT"));
    assert.deepEqual(await lab.files(), []);
    await lab.restore(source, { force: true });
    assert.equal(lab.tool.requests[0]?.skipHashCheck, true);
  });

  it("refuses a snapshot whose manifest tells of a newer etcd than the tool, before it is read", async () => {
    lab.tool.version = "3.4.30";
    const source = await lab.stored();
    lab.backups.store.read = () => assert.fail("it was read");
    await assert.rejects(lab.restore(source), (error) => {
      return isBackupError(error, "CONFIG_INVALID") && /--etcdutl=PATH/.test(error.hint ?? "");
    });
  });

  it("refuses a file whose storage version is newer than the tool, unless it is forced", async () => {
    lab.backups.source.storageVersion = "3.6.0";
    const source = await lab.file(lab.backups.source.snapshot());
    await assert.rejects(lab.restore(source), (error) => isBackupError(error, "CONFIG_INVALID"));
    await lab.restore(source, { force: true });
    assert.match(lab.warnings.join(), /of etcd 3\.6\.0/);
  });

  it("refuses when the disk has no room for what is fetched, what is restored and the log, before it is read", async () => {
    const source = await lab.stored();
    const needed = 2 * snapshot.length - 32 + 128_000_000;
    lab.backups.store.read = () => assert.fail("it was read");
    lab.seen = { freeBytes: needed - 1 };
    await assert.rejects(lab.restore(source), (error) => isBackupError(error, "STORE_FULL") && !!error.hint);
    lab.seen = { freeBytes: needed };
    await assert.rejects(lab.restore(source), /it was read/);
  });

  it("puts the log into a directory of its own, and the data directory in place after it", async () => {
    const prepared = await lab.prepare({ walDir: lab.path("wal") });
    await lab.restore(await lab.file(snapshot), { prepared });
    const files = ["data", "data/member", "data/member/snap", "data/member/snap/db", "file.db", "wal", "wal/0.wal"];
    assert.deepEqual(await lab.files(), files);
    assert.deepEqual(lab.published, [lab.path("wal"), lab.path("data")]);
  });

  it("knows a log whose data directory was never put in place, as after a kill, and begins anew", async () => {
    const target = { walDir: lab.path("wal") };
    const source = await lab.file(snapshot);
    lab.onPublished = () => {
      throw new Error("killed");
    };
    await assert.rejects(lab.restore(source, { prepared: await lab.prepare(target) }), /killed/);
    assert.deepEqual(await lab.files(), ["file.db", "wal", "wal/0.wal", "wal/etcd-ark-restore.tmp"]);

    lab.onPublished = () => undefined;
    await lab.restore(source, { prepared: await lab.prepare(target) });

    assert.ok((await lab.files()).includes("data/member/snap/db"));
    assert.deepEqual(await readdir(lab.path("wal")), ["0.wal"]);
  });

  it("takes the log back when something is in the way of the data directory", async () => {
    const prepared = await lab.prepare({ walDir: lab.path("wal") });
    lab.tool.afterwards = () => mkdir(lab.path("data", "other"), { recursive: true }).then(() => undefined);
    const restoring = lab.restore(await lab.file(snapshot), { prepared });
    await assert.rejects(restoring, (error) => isBackupError(error, "STORE_CONFLICT"));
    assert.deepEqual(await lab.files(), ["data", "data/other", "file.db"]);
  });

  it("puts the log below the data directory when it is to be there", async () => {
    const prepared = await lab.prepare({ walDir: lab.path("data", "log") });
    await lab.restore(await lab.file(snapshot), { prepared });
    assert.deepEqual(await lab.files(), [
      "data",
      "data/log",
      "data/log/0.wal",
      "data/member",
      "data/member/snap",
      "data/member/snap/db",
      "file.db",
    ]);
  });

  it("leaves the directory alone in which something appears while the tool runs", async () => {
    lab.tool.afterwards = async () => {
      await mkdir(lab.path("data"));
      await writeFile(lab.path("data", "precious"), "");
    };
    await assert.rejects(lab.restore(await lab.file(snapshot)), (error) => isBackupError(error, "STORE_CONFLICT"));
    assert.deepEqual(await lab.files(), ["data", "data/precious", "file.db"]);
  });

  it("leaves nothing when it is interrupted after the tool has ended", async () => {
    const stop = new AbortController();
    lab.tool.afterwards = () => stop.abort(new Error("stopped"));
    await assert.rejects(lab.restore(await lab.file(snapshot), {}, stop.signal), /stopped/);
    assert.deepEqual(await lab.files(), ["file.db"]);
  });
});

function flip(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  // In a value, which no structure depends on.
  copy.writeUInt8((copy[copy.length - 200] ?? 0) ^ 1, copy.length - 200);
  return copy;
}
