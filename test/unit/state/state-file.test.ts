import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createLocalState } from "../../../src/state/state-file.ts";
import { tempDir } from "../../support/temp-dir.ts";

describe("createLocalState()", () => {
  test("remembers one uuid for each store and cluster, from one start to the next", async () => {
    await using temporary = await tempDir();
    const warnings: string[] = [];
    const directory = join(temporary.path, "state");
    const state = createLocalState(directory, (message) => warnings.push(message));

    assert.equal(await state.recall("s3 a", "default"), undefined);
    await state.remember({ store: "s3 a", cluster: "default", uuid: "1" });
    await state.remember({ store: "s3 a", cluster: "other", uuid: "2" });
    await state.remember({ store: "s3 b", cluster: "default", uuid: "3" });
    await state.remember({ store: "s3 a", cluster: "default", uuid: "4" });

    const later = createLocalState(directory, (message) => warnings.push(message));
    assert.equal(await later.recall("s3 a", "default"), "4");
    assert.equal(await later.recall("s3 a", "other"), "2");
    assert.equal(await later.recall("s3 b", "default"), "3");
    assert.deepEqual(warnings, []);
  });

  test("writes one file of mode 0600 and leaves no other", async () => {
    await using temporary = await tempDir();
    const directory = join(temporary.path, "state");
    const state = createLocalState(directory, assert.fail);

    await state.remember({ store: "s", cluster: "c", uuid: "1" });
    await state.remember({ store: "s", cluster: "c", uuid: "2" });

    assert.deepEqual(await readdir(directory), ["state.json"]);
    assert.equal((await stat(join(directory, "state.json"))).mode & 0o777, 0o600);
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
  });

  test("keeps what a newer version wrote beside it", async () => {
    await using temporary = await tempDir();
    const path = join(temporary.path, "state.json");
    await writeFile(path, '{ "later": 1, "identities": [{ "store": "s", "cluster": "c", "uuid": "1", "more": 2 }] }');
    const state = createLocalState(temporary.path, assert.fail);

    await state.remember({ store: "s", cluster: "d", uuid: "3" });

    assert.deepEqual(JSON.parse(await readFile(path, "utf8")), {
      later: 1,
      identities: [
        { store: "s", cluster: "c", uuid: "1", more: 2 },
        { store: "s", cluster: "d", uuid: "3" },
      ],
    });
  });

  for (const content of ["", "{", "[]", '{ "identities": [{}] }', "\u0000".repeat(64)]) {
    test(`warns of a file that holds ${JSON.stringify(content.slice(0, 24))}, and begins anew`, async () => {
      await using temporary = await tempDir();
      await writeFile(join(temporary.path, "state.json"), content);
      const warnings: string[] = [];
      const state = createLocalState(temporary.path, (message) => warnings.push(message));

      assert.equal(await state.recall("s", "c"), undefined);
      assert.match(warnings.join(), /broken/);
      await state.remember({ store: "s", cluster: "c", uuid: "1" });

      assert.equal(await state.recall("s", "c"), "1");
    });
  }

  test("warns, does not fail and overwrites nothing when the file cannot be read", async () => {
    await using temporary = await tempDir();
    await mkdir(join(temporary.path, "state.json"));
    const warnings: string[] = [];
    const state = createLocalState(temporary.path, (message) => warnings.push(message));

    assert.equal(await state.recall("s", "c"), undefined);
    await state.remember({ store: "s", cluster: "c", uuid: "1" });

    assert.match(warnings[0] ?? "", /cannot be read/);
    assert.match(warnings[1] ?? "", /cannot be written/);
    assert.deepEqual(await readdir(temporary.path), ["state.json"]);
  });

  test("warns when the directory cannot be made", async () => {
    await using temporary = await tempDir();
    await writeFile(join(temporary.path, "file"), "");
    const warnings: string[] = [];
    const state = createLocalState(join(temporary.path, "file", "state"), (message) => warnings.push(message));

    await state.remember({ store: "s", cluster: "c", uuid: "1" });

    assert.deepEqual(warnings, ["The local state cannot be written"]);
  });

  test("remembers nothing without a directory, and says nothing", async () => {
    const state = createLocalState("", assert.fail);

    await state.remember({ store: "s", cluster: "c", uuid: "1" });

    assert.equal(await state.recall("s", "c"), undefined);
  });
});
