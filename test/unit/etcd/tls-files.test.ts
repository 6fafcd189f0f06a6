import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { isBackupError, messageOf } from "../../../src/errors.ts";
import { TlsFiles } from "../../../src/etcd/tls-files.ts";
import type { Telemetry } from "../../../src/ports/telemetry.ts";
import { createAuthority } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const { signal } = new AbortController();
const authority = createAuthority();
const [first, second] = [authority.issue(), authority.issue()];
const directory = await tempDir();
const path = (name: string): string => join(directory.path, name);
const tls = {
  caFile: path("ca.crt"),
  certFile: path("client.crt"),
  keyFile: path("client.key"),
  serverName: "",
  skipVerify: false,
};

after(() => directory[Symbol.asyncDispose]());
beforeEach(async () => {
  await writeFile(tls.caFile, authority.cert);
  await writeFile(tls.certFile, first.cert);
  await writeFile(tls.keyFile, first.key);
});

describe("TlsFiles", () => {
  it("reads the files again for each connection", async () => {
    const { files, warnings } = create();
    const before = await files.load(signal);
    await writeFile(tls.certFile, second.cert);
    await writeFile(tls.keyFile, second.key);
    assert.notEqual(await files.load(signal), before);
    assert.deepEqual(warnings, []);
  });

  for (const [what, damage] of [
    ["the certificate is newer than the key", () => writeFile(tls.certFile, second.cert)],
    ["the key is newer than the certificate", () => writeFile(tls.keyFile, second.key)],
    ["the key is torn", () => writeFile(tls.keyFile, first.key.slice(0, 60))],
    ["the certificate is empty", () => writeFile(tls.certFile, "")],
    ["the authority is torn", () => writeFile(tls.caFile, authority.cert.slice(0, 100))],
    ["a file is gone", () => rm(tls.keyFile)],
  ] as const) {
    it(`load() keeps the last good set when ${what}, and says so once`, async () => {
      const { files, warnings } = create();
      const good = await files.load(signal);
      await damage();
      assert.equal(await files.load(signal), good);
      assert.equal(await files.load(signal), good);
      assert.equal(warnings.length, 1);
    });

    it(`load() says ETCD_UNAVAILABLE after a second when ${what} from the start`, async () => {
      const { files, clock } = create();
      await damage();
      const failed = assert.rejects(files.load(signal), (error) => isBackupError(error, "ETCD_UNAVAILABLE"));
      for (let turn = 0; turn < 4; turn++) {
        await eventually(() => clock.sleeping === 1, { intervalMs: 1 });
        await clock.advance(200);
      }
      await failed;
    });
  }

  it("load() says which files do not match", async () => {
    const { files, warnings } = create();
    await files.load(signal);
    await writeFile(tls.keyFile, second.key);
    await files.load(signal);
    assert.match(warnings[0] ?? "", /client\.crt" with ".*client\.key": the certificate and the key do not match/);
  });

  it("load() waits for the second half of a rotation that is under way at the start", async () => {
    const { files, clock } = create();
    await writeFile(tls.certFile, second.cert);
    const loaded = files.load(signal);
    await eventually(() => clock.sleeping === 1, { intervalMs: 1 });
    await writeFile(tls.keyFile, second.key);
    await clock.advance(200);
    await loaded;
  });

  it("needs neither authority nor pair", async () => {
    const { files } = create({ caFile: "", certFile: "", keyFile: "" });
    await files.load(signal);
  });
});

function create(changes: Partial<typeof tls> = {}) {
  const clock = new FakeClock();
  const warnings: string[] = [];
  const telemetry: Pick<Telemetry, "warning"> = {
    warning: (message, { err }) => void warnings.push(`${message}: ${messageOf(err)}`),
  };
  return { files: new TlsFiles({ tls: { ...tls, ...changes }, clock, telemetry }), clock, warnings };
}
