import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { k3sFolder, save } from "../../../src/cli/commands/save.ts";
import { Config } from "../../../src/config/schema.ts";
import { BackupError, isBackupError } from "../../../src/errors.ts";
import { BackupLab } from "../../support/backup-lab.ts";
import { sessionOf } from "./cli-session.ts";

const refused = new BackupError("STORE_REFUSED", "Cannot write: access denied", { hint: "Allow it" });
const options = { prefix: "ark-manual", prune: false };

describe("save()", () => {
  it("prints the copy that is stored and fails all the same when the other is missing", async () => {
    const lab = new BackupLab({ stores: 2 });
    lab.stores[1]?.fail({ method: "complete", error: refused });
    const session = sessionOf(lab);

    await assert.rejects(save(session, options), (error) => {
      assert.ok(isBackupError(error, "COPY_MISSING"));
      assert.equal(error.hint, "Allow it");
      return true;
    });
    assert.match(session.printed.stdout, /^memory:\S*m1\S*\n {2}revision 100/);
  });

  it("says that the snapshot is stored when only pruning has failed", async () => {
    const lab = new BackupLab();
    await lab.manifest({ kind: "on-demand" });
    const session = sessionOf(lab);
    lab.store.fail({ method: "list", nth: 2, error: refused, times: 9 });

    await assert.rejects(save(session, { ...options, prune: true }), (error) =>
      isBackupError(error, "FOLLOW_UP_FAILED"),
    );
  });
});

describe("k3sFolder()", () => {
  for (const [folder, expected] of [
    ["", "prod/snapshots"],
    ["/a/b/", "a/b/prod/snapshots"],
    ["a#b", "a#b/prod/snapshots"],
    ["a?b", "a?b/prod/snapshots"],
    ["%41", "%41/prod/snapshots"],
    ["ä b", "ä b/prod/snapshots"],
  ] as const) {
    it(`is "${expected}" below s3.folder "${folder}"`, () =>
      assert.equal(k3sFolder(Config.parse({ cluster: "prod", s3: { folder } })), expected));
  }
});
