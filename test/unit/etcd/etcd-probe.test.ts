import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { systemClock } from "../../../src/app/system-clock.ts";
import { Config } from "../../../src/config/schema.ts";
import { isBackupError } from "../../../src/errors.ts";
import { createEtcdProbe } from "../../../src/etcd/etcd-probe.ts";
import { createAuthority } from "../../support/certificates.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { startFakeMember } from "./fake-member.ts";

const { signal } = new AbortController();
const probeOf = (etcd: object) => createEtcdProbe({ config: Config.parse({ etcd }).etcd, clock: systemClock });

describe("createEtcdProbe()", () => {
  it("tells what a member says of itself, and reads through it", async () => {
    await using member = await startFakeMember({ id: 1, leader: 1 });
    await using probe = probeOf({ endpoints: [member.endpoint] });
    assert.deepEqual(probe.endpoints, [member.endpoint]);
    const status = await probe.status(member.endpoint, signal);
    assert.deepEqual([status.member.etcdVersion, status.member.isLeader, status.isLearner], ["3.5.16", true, false]);
    await probe.confirm(member.endpoint, signal);
    assert.deepEqual(member.asked, ["confirm"]);
  });

  it("tells when the client certificate ends", async () => {
    await using directory = await tempDir();
    const [certFile, keyFile] = [join(directory.path, "c.crt"), join(directory.path, "c.key")];
    const issued = createAuthority().issue();
    await writeFile(certFile, issued.cert);
    await using probe = probeOf({ tls: { certFile, keyFile } });
    const certificate = await probe.certificate(signal);
    assert.equal(certificate?.path, certFile);
    assert.equal(certificate?.notAfter, Date.parse(new X509Certificate(issued.cert).validTo));
    await writeFile(certFile, "torn");
    await assert.rejects(probe.certificate(signal), (error) => isBackupError(error, "ETCD_UNAVAILABLE"));
  });

  it("knows of no certificate where none is configured", async () => {
    await using probe = probeOf({});
    assert.equal(await probe.certificate(signal), undefined);
  });
});
