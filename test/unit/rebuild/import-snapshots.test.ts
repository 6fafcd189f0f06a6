import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { importSnapshots } from "../../../src/rebuild/import-snapshots.ts";
import type { RebuildLine } from "../../../src/rebuild/line.ts";
import type { BackupLab } from "../../support/backup-lab.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { snapshotFixture } from "../mvcc/memory-source.ts";
import { labOfRealSnapshot, verifyContextOf } from "../verify/verify-lab.ts";

const SNAPSHOT = snapshotFixture("etcd-3.5-few");

async function importFrom(lab: BackupLab, from: MemoryStore, dryRun = false): Promise<RebuildLine[]> {
  const context = { backup: lab.context, verify: verifyContextOf(lab) };
  const options = { from, destination: lab.destination, dryRun, force: false };
  return await Array.fromAsync(importSnapshots(context, options, lab.never));
}

function k3sFolder(lab: BackupLab): MemoryStore {
  const from = new MemoryStore({ clock: lab.clock, id: "k3s" });
  from.put("etcd-snapshot-cp-1-1700000000", SNAPSHOT);
  from.put("on-demand-cp-1-1700000300", SNAPSHOT.subarray(0, 20_000));
  from.put("etcd-snapshot-cp-1-1700000600.zip", "PK");
  from.put(".metadata/etcd-snapshot-cp-1-1700000000", "{}");
  return from;
}

describe("importSnapshots()", () => {
  it("copies what would restore under a name of its own, and says why the rest is left out", async () => {
    const lab = labOfRealSnapshot();
    const from = k3sFolder(lab);

    const lines = await importFrom(lab, from);

    assert.deepEqual(
      lines.map(({ outcome, corrupt = false }) => [outcome, corrupt]),
      [
        ["imported", false],
        ["left out", false],
        ["left out", true],
      ],
    );
    const [entry, ...others] = (await lab.destination.catalog.list(lab.never)).entries;
    assert.deepEqual(others, []);
    assert.match(entry?.name ?? "", /^k3s-etcd-snapshot-cp-1-20231114T221320000Z-[a-z]{4}$/);
    assert.deepEqual(
      [entry?.good, entry?.manifest.revision, entry?.manifest.kind, entry?.manifest.tick],
      [true, "61", "on-demand", "2023-11-14T22:13:20.000Z"],
    );
    assert.equal(from.calls.filter(({ method }) => ["delete", "replace", "create", "open"].includes(method)).length, 0);
  });

  it("finds them there the second time", async () => {
    const lab = labOfRealSnapshot();
    const from = k3sFolder(lab);
    await importFrom(lab, from);
    assert.equal((await importFrom(lab, from))[0]?.outcome, "there already");
  });

  it("compresses as the configuration says", async () => {
    const lab = labOfRealSnapshot({ compression: { algorithm: "zstd", level: undefined } });
    await importFrom(lab, k3sFolder(lab));
    const [entry] = (await lab.destination.catalog.list(lab.never)).entries;
    assert.deepEqual([entry?.good, entry?.manifest.encoding], [true, ["zstd"]]);
  });

  it("refuses an object that is replaced while it is copied, and leaves nothing", async () => {
    const lab = labOfRealSnapshot();
    const from = k3sFolder(lab);
    const { read } = from;
    let reads = 0;
    from.read = (key, range, signal) => {
      if (++reads === 2) from.put("etcd-snapshot-cp-1-1700000000", Buffer.alloc(SNAPSHOT.length));
      return read.call(from, key, range, signal);
    };

    await assert.rejects(importFrom(lab, from), /replaced meanwhile/);

    assert.deepEqual((await lab.destination.catalog.list(lab.never)).entries, []);
  });

  it("writes nothing on a dry run", async () => {
    const lab = labOfRealSnapshot();
    assert.equal((await importFrom(lab, k3sFolder(lab), true))[0]?.outcome, "imported");
    assert.deepEqual(lab.store.keys, []);
  });
});
