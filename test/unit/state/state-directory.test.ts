import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { stateDirectory } from "../../../src/state/state-directory.ts";
import { tempDir } from "../../support/temp-dir.ts";

describe("stateDirectory()", () => {
  test("is the service's for a command at a shell, if it is there", async () => {
    await using service = await tempDir();

    assert.equal(stateDirectory({}, service.path), service.path);
    assert.equal(stateDirectory({}, join(service.path, "missing")), "");
  });

  test("is what systemd says, also when that is nothing", async () => {
    await using service = await tempDir();

    assert.equal(stateDirectory({ STATE_DIRECTORY: "/run/other" }, service.path), "/run/other");
    assert.equal(stateDirectory({ STATE_DIRECTORY: "" }, service.path), "");
  });
});
