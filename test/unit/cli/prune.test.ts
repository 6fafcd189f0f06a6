import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { prune } from "../../../src/cli/commands/prune.ts";
import { isBackupError } from "../../../src/errors.ts";
import { BackupLab, CLUSTER } from "../../support/backup-lab.ts";
import { sessionOf } from "./cli-session.ts";

/** A session that keeps the last two ticks and nothing else. */
function sessionThatKeepsTwo(lab: BackupLab) {
  const session = sessionOf(lab);
  const none = { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: 0 };
  const retention = { ...session.app.retention, ...none, last: 2 };
  return { ...session, app: { ...session.app, retention } };
}

async function backUps(lab: BackupLab, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    await lab.clock.advance(3_600_000);
    names.push((await lab.backUp()).name);
  }
  return names;
}

const manifestsIn = (lab: BackupLab): number[] =>
  lab.stores.map(({ keys }) => keys.filter((key) => key.includes("/manifests/")).length);

describe("prune()", () => {
  it("prunes the second store although the first keeps something, and fails then with a hint", async () => {
    const lab = new BackupLab({ stores: 2 });
    const [oldest] = await backUps(lab, 4);
    const until = lab.clock.now() + 1;
    lab.stores[0]?.lock(`${CLUSTER}/manifests/${oldest}.json`, { mode: "COMPLIANCE", until: until + 1e9 });

    await assert.rejects(prune(sessionThatKeepsTwo(lab), { dryRun: false, yes: true }), (error) => {
      assert.ok(isBackupError(error, "STORE_REFUSED"));
      assert.match(error.hint ?? "", /lock/);
      return true;
    });

    assert.deepEqual(manifestsIn(lab), [3, 2]);
  });

  it("ends with SNAPSHOT_SUSPECT when a timeline stands still; a dry run only warns", async () => {
    const lab = new BackupLab();
    await backUps(lab, 3);
    lab.source.liveKeys = 3;
    await backUps(lab, 1);

    await assert.rejects(prune(sessionThatKeepsTwo(lab), { dryRun: false, yes: true }), (error) =>
      isBackupError(error, "SNAPSHOT_SUSPECT"),
    );
    const session = sessionThatKeepsTwo(lab);
    await prune(session, { dryRun: true, yes: false });

    assert.match(session.printed.stderr, /^warning: .*etcd-ark accept/);
    assert.deepEqual(manifestsIn(lab), [4]);
  });
});
