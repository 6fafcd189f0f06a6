import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Catalog } from "../../../src/backup/catalog.ts";
import { followUp } from "../../../src/backup/follow-up.ts";
import { createDirectoryStore } from "../../../src/directory/directory-store.ts";
import { BackupError } from "../../../src/errors.ts";
import type { RetentionPolicy } from "../../../src/model/retention.ts";
import { BackupLab, CLUSTER, destinationOf } from "../../support/backup-lab.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { tempDir } from "../../support/temp-dir.ts";

const none = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: 0, timezone: "UTC" };
const retention: RetentionPolicy = { ...none, maxDeletes: 10, onDemand: { last: 0, within: 0 } };
const unreachable = new BackupError("STORE_UNAVAILABLE", "Cannot reach");

async function labWithDirectory(path: string) {
  const directory = createDirectoryStore({ path, minFree: "0%", clock: new FakeClock() });
  const s3 = new MemoryStore({ clock: new FakeClock(), id: "s3" });
  const destinations = [destinationOf(s3), { store: directory, catalog: new Catalog(directory, CLUSTER) }];
  return { s3, lab: new BackupLab({ destinations }) };
}

const manifestsIn = (store: MemoryStore): string[] => store.keys.filter((key) => key.includes("/manifests/"));

describe("followUp()", () => {
  it("brings to S3 what only the directory holds, as soon as S3 is there again", async () => {
    await using path = await tempDir();
    const { s3, lab } = await labWithDirectory(path.path);
    const fault = s3.fail({ method: "open", error: unreachable, times: 9 });
    await lab.backUp();
    assert.deepEqual(manifestsIn(s3), []);
    fault[Symbol.dispose]();

    await followUp(lab.context, { stored: lab.context.destinations, retention }, lab.never);

    assert.equal(manifestsIn(s3).length, 1);
  });

  it("prunes S3 although the directory cannot be read", async () => {
    await using path = await tempDir();
    const { s3, lab } = await labWithDirectory(path.path);
    await lab.backUp();
    const [, directory] = lab.context.destinations;
    assert.ok(directory);
    directory.store.list = () => {
      throw unreachable;
    };

    await followUp(lab.context, { stored: lab.context.destinations, retention }, lab.never);

    assert.ok(lab.telemetry.of("warning").length > 0);
    assert.deepEqual(
      lab.telemetry.of("pruneFinished").map(({ store }) => store),
      [s3.url("")],
    );
  });

  it("warns of a store that cannot be tidied, and goes on with the next", async () => {
    const lab = new BackupLab({ stores: 2 });
    await lab.backUp();
    lab.stores[0]?.fail({ method: "list", error: unreachable, times: 9 });

    await followUp(lab.context, { stored: lab.context.destinations, retention }, lab.never);

    assert.equal(lab.telemetry.of("warning").length, 1);
    assert.equal(lab.telemetry.of("pruneFinished").length, 1);
  });
});
