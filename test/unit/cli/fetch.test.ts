import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fetch } from "../../../src/cli/commands/fetch.ts";
import { createDirectoryStore } from "../../../src/directory/directory-store.ts";
import { BackupError, type ErrorCode, isBackupError } from "../../../src/errors.ts";
import { BackupLab } from "../../support/backup-lab.ts";
import { type TempDir, tempDir } from "../../support/temp-dir.ts";
import { sessionOf } from "./cli-session.ts";

describe("fetch()", () => {
  let directory: TempDir;
  let lab: BackupLab;
  let name: string;

  beforeEach(async () => {
    directory = await tempDir();
    lab = new BackupLab();
    name = (await lab.manifest()).name;
  });

  afterEach(async () => {
    await directory[Symbol.asyncDispose]();
  });

  /** Fetches with this directory as the working directory, and gives what is printed. */
  async function fetchTo(to: string | undefined, raw = false): Promise<string> {
    const session = sessionOf(lab);
    const localFiles = (path: string) => createDirectoryStore({ path, minFree: "0%", clock: lab.clock });
    const terminal = { ...session.terminal, workingDirectory: directory.path };
    await fetch({ ...session, terminal, app: { ...session.app, localFiles } }, { name, to, raw });
    return session.printed.stdout;
  }

  async function failsBeforeReading(to: string | undefined, code: ErrorCode): Promise<void> {
    lab.store.fail({ method: "read", error: new BackupError("STORE_UNAVAILABLE", "Cannot: it was read"), times: 9 });
    await assert.rejects(fetchTo(to), (error) => isBackupError(error, code) && error.hint !== undefined);
  }

  const targets: readonly (readonly [string | undefined, string])[] = [
    [undefined, "NAME"],
    ["out.db", "out.db"],
    ["my file.db", "my file.db"],
    ["a+b (1)~é.db", "a+b (1)~é.db"],
    ["there", "there/NAME"],
    ["there/", "there/NAME"],
    ["new/", "new/NAME"],
    ["new dir/out.db", "new dir/out.db"],
    [".", "NAME"],
  ];
  for (const [to, file] of targets) {
    it(`writes ${file} and nothing else when --to is ${to ?? "absent"}`, async () => {
      await mkdir(join(directory.path, "there"));
      const path = join(directory.path, file.replace("NAME", name));

      assert.equal(await fetchTo(to), `${path}\n`);

      assert.equal((await stat(path)).mode & 0o777, 0o600);
      const files = (await readdir(directory.path, { recursive: true, withFileTypes: true })).filter((entry) =>
        entry.isFile(),
      );
      assert.deepEqual(
        files.map((entry) => join(entry.parentPath, entry.name)),
        [path],
      );
    });
  }

  it("refuses a file that is there before it reads the snapshot, and leaves it alone", async () => {
    const file = join(directory.path, "precious.db");
    await writeFile(file, "precious");

    await failsBeforeReading("precious.db", "STORE_CONFLICT");

    assert.equal(await readFile(file, "utf8"), "precious");
    assert.deepEqual(await readdir(directory.path), ["precious.db"]);
  });

  it("refuses a directory that holds a file of the snapshot's name", async () => {
    await writeFile(join(directory.path, name), "precious");

    await failsBeforeReading(".", "STORE_CONFLICT");
    await failsBeforeReading(undefined, "STORE_CONFLICT");
  });

  it("refuses a name that no file can have before it reads the snapshot", async () => {
    await writeFile(join(directory.path, "file"), "");

    await failsBeforeReading("x".repeat(256), "STORE_REFUSED");
    await failsBeforeReading("file/below.db", "STORE_REFUSED");
    await failsBeforeReading("file/", "STORE_REFUSED");
  });

  it("leaves a file alone that appears while the snapshot is read", async () => {
    const file = join(directory.path, "out.db");
    const read = lab.store.read.bind(lab.store);
    lab.store.read = (...args) => {
      const chunks = read(...args);
      return (async function* () {
        yield* chunks;
        await writeFile(file, "precious");
      })();
    };

    await assert.rejects(fetchTo("out.db"), (error) => isBackupError(error, "STORE_CONFLICT"));

    assert.equal(await readFile(file, "utf8"), "precious");
    assert.deepEqual(await readdir(directory.path), ["out.db"]);
  });

  for (const [compression, ending] of [
    [{ algorithm: "zstd", level: 3 }, ".zst"],
    [{ algorithm: "gzip", level: 3 }, ".gz"],
    [{ algorithm: "none" }, ""],
  ] as const) {
    it(`writes raw bytes under the name of the key, of ${compression.algorithm} ending in "${ending}"`, async () => {
      lab = new BackupLab({ compression });
      ({ name } = await lab.manifest());
      const stored = lab.store.peek(lab.store.keys.find((key) => key.endsWith(`/snapshots/${name}${ending}`)) ?? "");

      assert.equal(await fetchTo(undefined, true), `${join(directory.path, name)}${ending}\n`);
      await fetchTo("copy", true);

      assert.ok(stored);
      for (const file of [`${name}${ending}`, "copy"]) {
        assert.deepEqual(await readFile(join(directory.path, file)), Buffer.from(stored));
        assert.equal((await stat(join(directory.path, file))).mode & 0o777, 0o600);
      }
    });
  }

  it("removes what a killed fetch has left in that directory a day ago, and nothing else", async () => {
    const uuid = "6f1c9a52-0b1e-4d0a-9f6e-2f3f6e0a7c11";
    const left = [`.fetch-${uuid}`, `..fetch-${uuid}~1767571200000-0123456789ab`];
    const others = [".fetch-notes", `fetch-${uuid}`, `.fetch-${uuid}.db`, `.${uuid}~1767571200000-0123456789ab`];
    const fresh = ".fetch-00000000-0b1e-4d0a-9f6e-2f3f6e0a7c11";
    const [old, recent] = [25, 23].map((hours) => new Date(lab.clock.now() - hours * 3_600_000));
    for (const file of [...left, ...others, fresh]) await writeFile(join(directory.path, file), "x");
    for (const file of [...left, ...others]) await utimes(join(directory.path, file), old ?? 0, old ?? 0);
    await utimes(join(directory.path, fresh), recent ?? 0, recent ?? 0);

    await fetchTo("out.db");

    assert.deepEqual(await readdir(directory.path), [...others, fresh, "out.db"].sort());
  });
});
