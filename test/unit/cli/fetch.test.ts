import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
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
  async function fetchTo(to: string | undefined): Promise<string> {
    const session = sessionOf(lab);
    const localFiles = (path: string) => createDirectoryStore({ path, minFree: "0%", clock: lab.clock });
    const terminal = { ...session.terminal, workingDirectory: directory.path };
    await fetch({ ...session, terminal, app: { ...session.app, localFiles } }, { name, to, raw: false });
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
});
