import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runScheduled } from "../../../src/backup/run-scheduled.ts";
import { BackupError } from "../../../src/errors.ts";
import { BackupLab } from "../../support/backup-lab.ts";

const RETENTION = {
  ...{ last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: 0, timezone: "UTC", maxDeletes: 10 },
  onDemand: { last: 0, within: 0 },
};

/** A lab, and what stores were asked when memory was released. */
function labWithReleases() {
  const releases: string[][] = [];
  const lab: BackupLab = new BackupLab({
    releaseMemory: () => releases.push(lab.store.calls.map(({ method }) => method)),
  });
  return { lab, releases };
}

describe("releaseMemory()", () => {
  it("is called before a backup begins its upload", async () => {
    const { lab, releases } = labWithReleases();

    await lab.backUp();

    assert.equal(releases.length, 1);
    assert.ok(!releases[0]?.includes("open"));
  });

  it("is called after a scheduled run, when all of it is over", async () => {
    const { lab, releases } = labWithReleases();
    const { destinations } = lab.context;

    await runScheduled(lab.context, { tick: lab.clock.now(), destinations, retention: RETENTION }, lab.never);

    assert.equal(releases.length, 2);
    assert.deepEqual(
      releases[1],
      lab.store.calls.map(({ method }) => method),
    );
  });

  it("is called after a scheduled run that failed", async () => {
    const { lab, releases } = labWithReleases();
    const { destinations } = lab.context;
    lab.store.fail({ method: "open", error: new BackupError("STORE_REFUSED", "Cannot write: access denied") });

    await assert.rejects(
      runScheduled(lab.context, { tick: lab.clock.now(), destinations, retention: RETENTION }, lab.never),
    );

    assert.equal(releases.length, 2);
  });
});
