import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { list } from "../../../src/cli/commands/list.ts";
import { BackupError, isBackupError } from "../../../src/errors.ts";
import { BackupLab, CLUSTER } from "../../support/backup-lab.ts";
import { sessionOf } from "./cli-session.ts";

describe("list()", () => {
  it("shows what one store has and fails all the same when another cannot be listed", async () => {
    const lab = new BackupLab({ stores: 2 });
    const { name } = await lab.manifest();
    lab.stores[1]?.fail({ method: "list", error: new BackupError("STORE_UNAVAILABLE", "Cannot reach"), times: 9 });
    const session = sessionOf(lab);

    await assert.rejects(list(session), (error) => isBackupError(error, "STORE_UNAVAILABLE"));

    assert.ok(session.printed.stdout.includes(name));
  });

  it("marks a snapshot whose bytes are gone, and one that is suspect", async () => {
    const lab = new BackupLab();
    const { name } = await lab.manifest();
    lab.store.lose(`${CLUSTER}/snapshots/${name}`);
    lab.source.revision = 50n;
    await lab.clock.advance(60_000);
    await lab.manifest();
    const session = sessionOf(lab);

    await list(session);

    const [, broken = "", suspect = ""] = session.printed.stdout.split("\n");
    assert.match(broken, /BROKEN in memory:/);
    assert.match(suspect, /SUSPECT: revision went back from 100 to 50/);
  });
});
