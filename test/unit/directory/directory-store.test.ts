import assert from "node:assert/strict";
import { link, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createDirectoryStore } from "../../../src/directory/directory-store.ts";
import { publish } from "../../../src/directory/files.ts";
import { type ErrorCode, isBackupError } from "../../../src/errors.ts";
import type { ObjectStore } from "../../../src/ports/object-store.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const { signal } = new AbortController();
const NONE = { expectedSize: 0, metadata: {} };
const body = new TextEncoder().encode("body");

describe("createDirectoryStore()", () => {
  test("refuses a path that depends on where it is started, and a wrong minFree", () => {
    const make = (path: string, minFree: string) => () =>
      createDirectoryStore({ path, minFree, clock: new FakeClock() });

    assert.throws(make("backups", "20%"), hasCode("CONFIG_INVALID"));
    assert.throws(make("", "20%"), hasCode("CONFIG_INVALID"));
    assert.throws(make("/backups", "much"), hasCode("CONFIG_INVALID"));
  });

  test("is named by its path, however that is written", async () => {
    const clock = new FakeClock();
    const one = createDirectoryStore({ path: "/var/backups/etcd", minFree: "0%", clock });
    const other = createDirectoryStore({ path: "/var//backups/x/../etcd/", minFree: "0%", clock });

    assert.equal(one.id, other.id);
    assert.equal(one.url("c/a"), "file:///var/backups/etcd/c/a");
    assert.equal(one.url(""), "file:///var/backups/etcd/");
    assert.equal(one.now(), clock.now());
  });

  test("lets nobody else read: files of mode 0600 in directories of mode 0700", async () => {
    await using lab = await makeLab();
    await using writer = await lab.store.open("c/snapshots/s", NONE, signal);
    await writer.write(body);
    const [temporary] = await readdir(join(lab.root, "c/snapshots"));

    assert.equal(await modeOf(lab.root, "c/snapshots", temporary ?? ""), 0o600);
    await writer.complete();
    await lab.store.create("c/a.json", body, signal);
    await lab.store.replace("c/b.txt", body, signal);

    for (const key of ["c/snapshots/s", "c/a.json", "c/b.txt"]) assert.equal(await modeOf(lab.root, key), 0o600, key);
    for (const directory of ["", "c", "c/snapshots"]) assert.equal(await modeOf(lab.root, directory), 0o700, directory);
  });

  test("creates nothing by reading", async () => {
    await using lab = await makeLab();

    await lab.store.get("c/a", signal);
    await Array.fromAsync(lab.store.list("", signal));
    await lab.store.delete("c/a", signal);

    await assert.rejects(stat(lab.root), { code: "ENOENT" });
  });

  test("keeps its own directory when the last object is gone, and no other", async () => {
    await using lab = await makeLab();
    await lab.store.create("c/checks/s/1.json", body, signal);

    await lab.store.delete("c/checks/s/1.json", signal);

    assert.deepEqual(await readdir(lab.root), []);
  });

  test("lets objects come and go in one folder at the same time", async () => {
    await using lab = await makeLab();
    const other = createDirectoryStore({ path: lab.root, minFree: "0%", clock: new FakeClock() });

    await Promise.all(
      [lab.store, other].map(async (store, who) => {
        for (let count = 0; count < 30; count++) {
          await store.create(`c/checks/s/${who}`, body, signal);
          assert.equal(await store.delete(`c/checks/s/${who}`, signal), "deleted");
        }
      }),
    );

    assert.deepEqual(await readdir(lab.root), []);
  });

  test("gives the date of the file", async () => {
    await using lab = await makeLab();
    const { object } = await lab.store.create("c/a", body, signal);

    assert.equal(object.storedAt, Math.floor((await stat(join(lab.root, "c/a"))).mtimeMs));
  });
});

describe("a symbolic link in the place of an object", () => {
  const calls: Record<string, (store: ObjectStore) => Promise<unknown>> = {
    get: (store) => store.get("c/a", signal),
    read: (store) => Array.fromAsync(store.read("c/a", undefined, signal)),
    head: (store) => store.head("c/a", signal),
    delete: (store) => store.delete("c/a", signal),
    create: (store) => store.create("c/a", body, signal),
  };
  for (const [method, call] of Object.entries(calls)) {
    test(`is refused by ${method}()`, async () => {
      await using lab = await makeLab();
      await lab.linkToSecret("c/a");

      await assert.rejects(call(lab.store), hasCode("STORE_REFUSED"));

      assert.equal(await readFile(join(lab.root, "../secret"), "utf8"), "secret");
    });
  }

  test("is not listed, and is replaced without touching what it points at", async () => {
    await using lab = await makeLab();
    await lab.linkToSecret("c/a");

    assert.deepEqual(await Array.fromAsync(lab.store.list("", signal)), []);
    await lab.store.replace("c/a", body, signal);

    assert.equal(await readFile(join(lab.root, "c/a"), "utf8"), "body");
    assert.equal(await readFile(join(lab.root, "../secret"), "utf8"), "secret");
  });
});

describe("what is no object in the directory", () => {
  test("is not listed", async () => {
    await using lab = await makeLab();
    await lab.store.create("c/a", body, signal);
    await mkdir(join(lab.root, "lost+found"));
    await mkdir(join(lab.root, "empty"));
    await writeFile(join(lab.root, "lost+found", "x"), "");
    await writeFile(join(lab.root, "c", "notes from Monday"), "");
    await mkdir(join(lab.root, "c", ".a~5-0123456789ab"));

    assert.deepEqual(
      (await Array.fromAsync(lab.store.list("", signal))).map(({ key }) => key),
      ["c/a"],
    );
    assert.deepEqual(await Array.fromAsync(lab.store.listFolders("", signal)), ["c"]);
    assert.deepEqual(await Array.fromAsync(lab.store.listUnfinished("", signal)), []);
  });
});

describe("a file that cannot get its name", () => {
  const writes: Record<string, (store: ObjectStore) => Promise<unknown>> = {
    create: (store) => store.create("c/a", body, signal),
    replace: (store) => store.replace("c/a", body, signal),
  };
  for (const [method, write] of Object.entries(writes)) {
    test(`is removed again by ${method}()`, async () => {
      await using lab = await makeLab();
      await mkdir(join(lab.root, "c/a"), { recursive: true });

      await assert.rejects(write(lab.store), hasCode("STORE_REFUSED", "STORE_CONFLICT"));

      assert.deepEqual(await readdir(join(lab.root, "c")), ["a"]);
    });
  }
});

describe("what a killed process left behind", () => {
  test("is reported with its key and start by whoever comes next, is no object, and goes when abandoned", async () => {
    await using lab = await makeLab();
    const killed = createDirectoryStore({ path: lab.root, minFree: "0%", clock: lab.clock });
    const startedAt = lab.clock.now();
    await (await killed.open("c/snapshots/s.zst", NONE, signal)).write(body);
    await lab.clock.advance(5000);

    const left = await Array.fromAsync(lab.store.listUnfinished("c/snapshots/s", signal));

    assert.deepEqual(
      left.map(({ key, startedAt: at }) => [key, at]),
      [["c/snapshots/s.zst", startedAt]],
    );
    assert.deepEqual(await Array.fromAsync(lab.store.list("", signal)), []);
    for (const upload of left) await lab.store.abandon(upload, signal);
    assert.deepEqual(await readdir(lab.root), []);
  });

  test("between giving the name and removing the temporary file is an object and a leftover", async () => {
    await using lab = await makeLab();
    await lab.store.create("c/a.json", body, signal);
    await link(join(lab.root, "c/a.json"), join(lab.root, "c/.a.json~5-0123456789ab"));

    const [upload] = await Array.fromAsync(lab.store.listUnfinished("c/", signal));
    assert.deepEqual(upload, { key: "c/a.json", uploadId: "5-0123456789ab", startedAt: 5 });
    await lab.store.abandon(upload, signal);

    assert.deepEqual(await readdir(join(lab.root, "c")), ["a.json"]);
  });

  test("cannot make abandon() remove anything else", async () => {
    await using lab = await makeLab();
    await lab.store.create("c/a.json", body, signal);

    await lab.store.abandon({ key: "c/x", uploadId: "1-0123456789ab/../a.json", startedAt: 0 }, signal);
    await assert.rejects(
      lab.store.abandon({ key: "../c/a.json", uploadId: "1-0123456789ab", startedAt: 0 }, signal),
      hasCode("STORE_REFUSED"),
    );

    assert.deepEqual(await readdir(join(lab.root, "c")), ["a.json"]);
  });
});

describe("publish()", () => {
  test("counts as done when the name is the file's already, as after a lost answer of NFS", async () => {
    await using lab = await makeLab();
    await lab.store.create("a", body, signal);
    const [target, path] = [join(lab.root, "a"), join(lab.root, ".a~1-0123456789ab")];
    await link(target, path);

    assert.equal(await publish({ path, target }), true);

    assert.deepEqual(await readdir(lab.root), ["a"]);
  });

  test("says what is missing on a file system without hard links", async () => {
    await using lab = await makeLab();
    await mkdir(join(lab.root, "directory"), { recursive: true });

    // link(2) answers EPERM for a directory, as it does on FAT for a file.
    await assert.rejects(
      publish({ path: join(lab.root, "directory"), target: join(lab.root, "a") }),
      (error) => isBackupError(error, "STORE_REFUSED") && /no hard links/.test(error.message),
    );
  });
});

interface Lab extends AsyncDisposable {
  readonly root: string;
  readonly clock: FakeClock;
  readonly store: ObjectStore;
  linkToSecret(key: string): Promise<void>;
}

async function makeLab(): Promise<Lab> {
  const temporary = await tempDir();
  const root = join(temporary.path, "ark");
  const clock = new FakeClock();
  return {
    root,
    clock,
    store: createDirectoryStore({ path: root, minFree: "0%", clock }),
    linkToSecret: async (key) => {
      await writeFile(join(temporary.path, "secret"), "secret");
      await mkdir(join(root, key, ".."), { recursive: true });
      await symlink(join(temporary.path, "secret"), join(root, key));
    },
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
}

async function modeOf(...path: string[]): Promise<number> {
  return (await stat(join(...path))).mode & 0o777;
}

function hasCode(...codes: ErrorCode[]): (error: unknown) => boolean {
  return (error) => isBackupError(error, ...codes);
}
