import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { list } from "../../../src/cli/commands/list.ts";
import { type VerifyOptions, verify } from "../../../src/cli/commands/verify.ts";
import { isBackupError } from "../../../src/errors.ts";
import { CLUSTER } from "../../support/backup-lab.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { snapshotFixture } from "../mvcc/memory-source.ts";
import { copyOf, labOfRealSnapshot } from "../verify/verify-lab.ts";
import { sessionOf } from "./cli-session.ts";

const NEWEST: VerifyOptions = { names: [], latest: false, all: false, level: "full", live: false };

describe("verify()", () => {
  it("looks at the newest of each store when nothing is named, and prints stock's names as JSON", async () => {
    const lab = labOfRealSnapshot({ stores: 2 });
    await lab.manifest();
    await lab.clock.advance(1000);
    const { name } = await lab.manifest();
    const session = { ...sessionOf(lab), format: "json" } as const;

    await verify(session, NEWEST);

    const lines = JSON.parse(session.printed.stdout);
    assert.deepEqual(
      lines.map((line: { name: string; where: string; passed: boolean }) => [line.name, line.where, line.passed]),
      lab.stores.map((store) => [name, store.url(""), true]),
    );
    const { hash, revision, totalKey, totalSize, version } = lines[0];
    assert.deepEqual(
      { hash, revision, totalKey, totalSize, version },
      { hash: 3210705747, revision: 61, totalKey: 66, totalSize: 40960, version: "" },
    );
  });

  it("says all that it found and then fails with 15, and `list` shows it", async () => {
    const lab = labOfRealSnapshot();
    const { entry } = await copyOf(lab);
    const key = `${CLUSTER}/snapshots/${entry.name}`;
    const body = Buffer.from(lab.store.peek(key) ?? "");
    body.writeUInt8(body.readUInt8(9000) ^ 1, 9000);
    lab.store.put(key, body);
    const session = sessionOf(lab);

    await assert.rejects(verify(session, { ...NEWEST, names: [entry.name] }), (error) =>
      isBackupError(error, "SNAPSHOT_CORRUPT"),
    );

    assert.match(session.printed.stdout, /CORRUPT\n.*\n {2}DIGEST: /);
    const listing = sessionOf(lab);
    await list(listing);
    assert.match(listing.printed.stdout, /CORRUPT in memory:/);
  });

  it("shows in `list` how deep and how long ago a snapshot was looked at", async () => {
    const lab = labOfRealSnapshot();
    await lab.manifest();
    await verify(sessionOf(lab), NEWEST);
    await lab.clock.advance(3 * 3_600_000);
    const listing = sessionOf(lab);

    await list(listing);

    assert.match(listing.printed.stdout, /full 3h ago/);
  });

  it("refuses a name that no store has with 14, and looks at nothing", async () => {
    const lab = labOfRealSnapshot();
    const { entry } = await copyOf(lab);
    await assert.rejects(verify(sessionOf(lab), { ...NEWEST, names: [entry.name, "nope"] }), (error) =>
      isBackupError(error, "SNAPSHOT_NOT_FOUND"),
    );
    assert.ok(!lab.store.keys.some((key) => key.includes("/checks/")));
  });
});

describe("verify() of a local file", () => {
  const whole = snapshotFixture("etcd-3.5-few");
  const flipped = Buffer.from(whole);
  flipped.writeUInt8(flipped.readUInt8(9000) ^ 1, 9000);
  for (const { what, bytes, codes } of [
    { what: "a whole snapshot", bytes: whole, codes: [] },
    { what: "one with a flipped bit in a page", bytes: flipped, codes: ["DIGEST", "STRUCTURE", "ROWS"] },
    { what: "one without its digest", bytes: whole.subarray(0, -32), codes: ["DIGEST"] },
    { what: "one that is cut short", bytes: whole.subarray(0, 20_000), codes: ["FORMAT"] },
    { what: "an empty file", bytes: Buffer.alloc(0), codes: ["FORMAT"] },
    { what: "something else", bytes: Buffer.alloc(30_000, "x"), codes: ["FORMAT"] },
  ]) {
    it(`finds ${codes.join(" and ") || "nothing"} in ${what}`, async () => {
      await using directory = await tempDir();
      const path = join(directory.path, "s.db");
      await writeFile(path, bytes);
      const session = { ...sessionOf(labOfRealSnapshot()), format: "json" } as const;

      await verify(session, { ...NEWEST, names: [path] }).catch((error: unknown) =>
        assert.ok(isBackupError(error, "SNAPSHOT_CORRUPT")),
      );

      const [line] = JSON.parse(session.printed.stdout);
      assert.deepEqual(
        line.findings.map(({ code }: { code: string }) => code),
        codes,
      );
    });
  }
});
