import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { lockHolder } from "../../../src/data-directory/lock-holder.ts";
import { lookAt } from "../../../src/data-directory/place.ts";
import { isBackupError } from "../../../src/errors.ts";
import { type TempDir, tempDir } from "../../support/temp-dir.ts";

describe("lookAt()", () => {
  let directory: TempDir;

  beforeEach(async () => {
    directory = await tempDir();
  });

  afterEach(async () => {
    await directory[Symbol.asyncDispose]();
  });

  const path = (...parts: string[]): string => join(directory.path, ...parts);

  it("tells absent, empty and occupied apart, and what is free", async () => {
    await mkdir(path("empty"));
    await mkdir(path("occupied", ".hidden"), { recursive: true });

    const absent = await lookAt(path("absent"));
    assert.deepEqual(
      { ...absent, freeBytes: absent.freeBytes > 0 },
      {
        path: path("absent"),
        state: "absent",
        isMountPoint: false,
        lockedBy: undefined,
        freeBytes: true,
        fileSystem: String((await stat(directory.path)).dev),
      },
    );
    assert.equal((await lookAt(path("empty"))).state, "empty");
    assert.equal((await lookAt(path("occupied"))).state, "occupied");
  });

  it("tells a mount point", async () => {
    assert.equal((await lookAt("/proc")).isMountPoint, true);
  });

  it("follows links, also above what is not there", async () => {
    await mkdir(path("real"));
    await symlink(path("real"), path("link"));

    assert.equal((await lookAt(path("link"))).path, path("real"));
    assert.equal((await lookAt(path("link", "new"))).path, path("real", "new"));
  });

  it("refuses what leads nowhere", async () => {
    await symlink(path("gone"), path("dangling"));
    await writeFile(path("file"), "");

    for (const [given, says] of [
      ["dangling", /link that leads nowhere/],
      ["no/such", /no directory ".*\/no"/],
      ["file", /a file is where a directory/],
      ["file/below", /a file is where a directory/],
    ] as const) {
      await assert.rejects(lookAt(path(given)), (error) => {
        assert.ok(isBackupError(error) && error.hint, String(error));
        assert.match(error.message, says);
        return true;
      });
    }
  });

  it("names the process that holds the lock of the database, for as long as it holds it", async () => {
    await mkdir(path("etcd", "member", "snap"), { recursive: true });
    const db = path("etcd", "member", "snap", "db");
    await writeFile(db, "");
    assert.equal((await lookAt(path("etcd"))).lockedBy, undefined);

    const holder = spawn("flock", ["--no-fork", db, "sh", "-c", "echo held; read end"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    assert.equal((await lookAt(path("etcd"))).lockedBy, holder.pid);
    const { ino } = await stat(db);
    // As btrfs shows it, whose subvolumes have devices of their own.
    const elsewhere = (pid: number | undefined) => async () => `1: FLOCK  ADVISORY  WRITE ${pid} ff:ff:${ino} 0 EOF\n`;
    assert.equal(await lockHolder(path("etcd"), elsewhere(holder.pid)), holder.pid);
    assert.equal(await lockHolder(path("etcd"), elsewhere(process.pid)), undefined);

    holder.stdin.end();
    await once(holder, "close");
    assert.equal((await lookAt(path("etcd"))).lockedBy, undefined);
  });
});
