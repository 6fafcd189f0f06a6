import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type ErrorCode, isBackupError } from "../../../src/errors.ts";
import type { Place } from "../../../src/ports/data-directory.ts";
import type { RestoreTarget } from "../../../src/restore/prepare-restore.ts";
import { type RestoreLab, restoreLab } from "./restore-lab.ts";

const BUMP = { bumpRevision: "1000", markCompacted: true };

interface Refusal {
  readonly what: string;
  readonly seen?: Partial<Place>;
  readonly target?: Partial<RestoreTarget>;
  readonly code: ErrorCode;
  readonly says: RegExp;
  readonly hint: RegExp;
}

const REFUSALS: readonly Refusal[] = [
  {
    what: "a directory whose database is open",
    seen: { state: "occupied", lockedBy: 77 },
    code: "ALREADY_RUNNING",
    says: /process 77/,
    hint: /Stop that etcd/,
  },
  {
    what: "one that another container uses",
    seen: { lockedBy: 0 },
    code: "ALREADY_RUNNING",
    says: /container/,
    hint: /mv/,
  },
  {
    what: "a directory that is not empty",
    seen: { state: "occupied" },
    code: "STORE_CONFLICT",
    says: /not empty/,
    hint: /mv/,
  },
  {
    what: "a mount point",
    seen: { isMountPoint: true, state: "occupied" },
    code: "STORE_REFUSED",
    says: /mount point/,
    hint: /below it/,
  },
  {
    what: "--bump-revision alone",
    target: { member: { bumpRevision: "9" } },
    code: "USAGE",
    says: /without the other/,
    hint: /--mark-compacted/,
  },
  {
    what: "--mark-compacted alone",
    target: { member: { markCompacted: true } },
    code: "USAGE",
    says: /without the other/,
    hint: /--bump-revision/,
  },
  {
    what: "a bump that is no number",
    target: { member: { ...BUMP, bumpRevision: "1e9" } },
    code: "USAGE",
    says: /"1e9"/,
    hint: /whole number/,
  },
];

describe("prepareRestore()", () => {
  let lab: RestoreLab;

  beforeEach(async () => {
    lab = await restoreLab();
  });

  afterEach(async () => {
    await lab[Symbol.asyncDispose]();
  });

  for (const { what, seen, target, code, says, hint } of REFUSALS) {
    it(`refuses ${what}`, async () => {
      lab.seen = seen ?? {};
      await assert.rejects(lab.prepare(target), refusal({ code, says, hint }));
      assert.deepEqual(await lab.files(), []);
    });
  }

  it("refuses a bump that the tool does not know", async () => {
    lab.tool.canBumpRevision = false;
    const wanted = { code: "CONFIG_INVALID", says: /etcdutl 3\.5\.16/, hint: /--etcdutl=PATH/ } as const;
    await assert.rejects(lab.prepare({ member: BUMP }), refusal(wanted));
    await lab.prepare();
  });

  for (const walDir of ["data", "."]) {
    it(`refuses ${walDir} for the log of data`, async () => {
      const wanted = { code: "USAGE", says: /--wal-dir/, hint: /leave --wal-dir out/ } as const;
      await assert.rejects(lab.prepare({ walDir: lab.path(walDir) }), refusal(wanted));
    });
  }

  it("refuses a directory for the log that is not empty", async () => {
    await mkdir(lab.path("wal"));
    await writeFile(lab.path("wal", "0.wal"), "");
    const wanted = { code: "STORE_CONFLICT", says: /wal/, hint: /--wal-dir/ } as const;
    await assert.rejects(lab.prepare({ walDir: lab.path("wal") }), refusal(wanted));
  });

  it("tells a log below the data directory from one apart", async () => {
    assert.equal((await lab.prepare()).wal.kind, "usual");
    assert.equal((await lab.prepare({ walDir: lab.path("data", "..wal") })).wal.kind, "below");
    assert.equal((await lab.prepare({ walDir: lab.path("data-wal") })).wal.kind, "apart");
  });
});

function refusal({ code, says, hint }: Pick<Refusal, "code" | "says" | "hint">) {
  return (error: unknown): boolean => {
    assert.ok(isBackupError(error, code), String(error));
    assert.match(error.message, says);
    assert.match(error.hint ?? "", hint);
    return true;
  };
}
