import { tmpdir } from "node:os";
import { openLocalFile } from "../../../src/directory/local-file.ts";
import { createScratch } from "../../../src/directory/scratch.ts";
import type { VerifyContext } from "../../../src/verify/context.ts";
import type { Copy } from "../../../src/verify/verify-copies.ts";
import { BackupLab } from "../../support/backup-lab.ts";
import { snapshotFixture } from "../mvcc/memory-source.ts";

/** What verification works with in a lab. */
export function verifyContextOf(lab: BackupLab): VerifyContext {
  return {
    node: "cp-1",
    writer: "etcd-ark/test",
    inMemoryBytes: 2 ** 20,
    scratch: createScratch(tmpdir()),
    openFile: openLocalFile,
    clock: lab.clock,
  };
}

/** A lab whose etcd sends a snapshot that a real one has made: of 61 revisions, none compacted. */
export function labOfRealSnapshot(options: ConstructorParameters<typeof BackupLab>[0] = {}): BackupLab {
  const lab = new BackupLab(options);
  lab.source.fixture = snapshotFixture("etcd-3.5-few");
  lab.source.revision = 61n;
  lab.source.liveKeys = 60;
  return lab;
}

/** Takes a backup, and gives it as the newest copy of the first store. */
export async function copyOf(lab: BackupLab): Promise<Copy> {
  const { name } = await lab.manifest();
  const { entries } = await lab.destination.catalog.list(lab.never);
  const entry = entries.find((each) => each.name === name);
  if (entry === undefined) throw new Error("the backup is not listed");
  return { destination: lab.destination, entry };
}
