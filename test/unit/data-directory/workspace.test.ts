import assert from "node:assert/strict";
import { chown, mkdir, readdir, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { getuid } from "node:process";
import { afterEach, beforeEach, describe, it } from "node:test";
import { createDataDirectories } from "../../../src/data-directory/data-directories.ts";
import { isBackupError } from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { type TempDir, tempDir } from "../../support/temp-dir.ts";

const HOUR_MS = 3_600_000;

describe("the workspace beside a data directory", () => {
  const clock = new FakeClock();
  const directories = createDataDirectories({ clock });
  let directory: TempDir;

  beforeEach(async () => {
    directory = await tempDir();
  });

  afterEach(async () => {
    await directory[Symbol.asyncDispose]();
  });

  const path = (...parts: string[]): string => join(directory.path, ...parts);

  it("is private, and gone when it is disposed of", async () => {
    {
      await using workspace = await directories.workspaceBeside(await directories.look(path("data")));
      assert.equal((await stat(workspace.path)).mode & 0o777, 0o700);
      await mkdir(join(workspace.path, "a", "b"), { recursive: true });
    }
    assert.deepEqual(await readdir(directory.path), []);
  });

  it("gives what it publishes to the owner of the empty directory that was there", async () => {
    await mkdir(path("data"));
    // Only root can give away; for anybody else all stays his.
    const [uid, gid] = getuid?.() === 0 ? [1234, 1235] : [getuid?.() ?? 0, (await stat(path("data"))).gid];
    await chown(path("data"), uid, gid);
    const place = await directories.look(path("data"));
    await using workspace = await directories.workspaceBeside(place);
    await mkdir(join(workspace.path, "new", "member"), { recursive: true });
    await writeFile(join(workspace.path, "new", "member", "db"), "");

    await workspace.publish("new", place, "whole");

    for (const below of [[], ["member"], ["member", "db"]]) {
      const found = await stat(path("data", ...below));
      assert.deepEqual([found.uid, found.gid], [uid, gid]);
    }
  });

  it("rejects with STORE_CONFLICT when something has come to the place", async () => {
    const place = await directories.look(path("data"));
    await using workspace = await directories.workspaceBeside(place);
    await mkdir(join(workspace.path, "new"));
    await mkdir(path("data", "precious"), { recursive: true });
    await assert.rejects(workspace.publish("new", place, "whole"), (error) => isBackupError(error, "STORE_CONFLICT"));
    assert.deepEqual(await readdir(path("data")), ["precious"]);
  });

  it("of a killed restore is removed after an hour without any change, and what only looks like one never", async () => {
    const [dead, alive, own] = [".etcd-ark-restore-dEad12", ".etcd-ark-restore-aLive1", ".etcd-ark-restore-of-mine"];
    for (const name of [dead, alive, own]) {
      await mkdir(path(name));
      await writeFile(path(name, "snapshot.db"), "");
      await touch(path(name), -2 * HOUR_MS);
      await touch(path(name, "snapshot.db"), name === alive ? -HOUR_MS + 1000 : -HOUR_MS - 1000);
    }

    const leftovers = await directories.removeLeftovers(await directories.look(path("data")));

    assert.deepEqual(leftovers, { removed: [path(dead)], left: [path(alive)] });
    assert.deepEqual((await readdir(directory.path)).sort(), [alive, own].sort());
  });

  it("removes nothing that is not marked as unfinished", async () => {
    await mkdir(path("wal", "precious"), { recursive: true });
    const place = await directories.look(path("wal"));
    await assert.rejects(directories.removeUnfinished(place), (error) => isBackupError(error, "STORE_CONFLICT"));
    assert.deepEqual(await readdir(path("wal")), ["precious"]);
  });

  it("removes nothing that has changed since it was marked, as a WAL that etcd has started on", async () => {
    await mkdir(path("wal"));
    for (const name of ["0.wal", "etcd-ark-restore.tmp"]) await writeFile(path("wal", name), "");
    await touch(path("wal", "etcd-ark-restore.tmp"), -1);
    await touch(path("wal", "0.wal"), -2);
    assert.equal((await directories.look(path("wal"))).state, "unfinished");

    await touch(path("wal", "0.wal"), 0);

    const place = await directories.look(path("wal"));
    assert.equal(place.state, "occupied");
    await assert.rejects(directories.removeUnfinished(place), (error) => isBackupError(error, "STORE_CONFLICT"));
    assert.equal((await readdir(path("wal"))).length, 2);
  });

  async function touch(file: string, ms: number): Promise<void> {
    const seconds = (clock.now() + ms) / 1000;
    await utimes(file, seconds, seconds);
  }
});
