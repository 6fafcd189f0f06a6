import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ErrorCode, isBackupError } from "../../src/errors.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import type { EtcdTls } from "../support/etcd-tls.ts";
import { tempDir } from "../support/temp-dir.ts";
import { sourceOf, takeSnapshot } from "./etcd-rig.ts";

for (const version of ["3.4", "3.5"] as const) {
  describe(`TLS to etcd ${version}`, () => {
    let cluster: EtcdCluster;
    let tls: EtcdTls;
    before(async () => {
      cluster = await startEtcd({ version, tls: true });
      tls = cluster.tls ?? assert.fail("no TLS");
    });
    after(() => cluster[Symbol.asyncDispose]());

    const keys = () => ({ caFile: tls.caFile, certFile: tls.certFile, keyFile: tls.keyFile });
    const expectSnapshot = async (etcd: Record<string, unknown>) => {
      await using source = sourceOf(cluster, etcd);
      assert.equal((await takeSnapshot(source)).isIntact, true);
    };
    const expectError = async (etcd: Record<string, unknown>, code: ErrorCode, { message = /./, hint = /./ }) => {
      await using source = sourceOf(cluster, etcd);
      await assert.rejects(takeSnapshot(source), (error) => {
        assert.ok(isBackupError(error, code), String(error));
        assert.match(error.message, message);
        assert.match(error.hint ?? "", hint);
        return true;
      });
    };

    it("works with the client's certificate", async () => await expectSnapshot({}));

    it("is taken for granted for an endpoint without a scheme", async () => {
      await expectSnapshot({ endpoints: cluster.endpoints.map((url) => url.replace("https://", "")) });
    });

    it("accepts the certificate for serverName", async () => {
      await expectSnapshot({ tls: { ...keys(), serverName: "localhost" } });
    });

    it("accepts any certificate with skipVerify", async () => {
      await expectSnapshot({ tls: { ...keys(), caFile: tls.otherCaFile, skipVerify: true } });
    });

    it("says that the server's certificate is another authority's", async () => {
      const [wrong, none] = [tls.otherCaFile, ""];
      for (const caFile of [wrong, none]) {
        await expectError({ tls: { ...keys(), caFile } }, "ETCD_REFUSED", { message: /not signed/, hint: /caFile/ });
      }
    });

    it("says that the server's certificate is for another name", async () => {
      const names = { ...keys(), serverName: "etcd.example.com" };
      await expectError({ tls: names }, "ETCD_REFUSED", { message: /another name/, hint: /serverName/ });
    });

    it("says that etcd wants a client certificate", async () => {
      const expected = { message: /our client certificate/, hint: /certFile/ };
      await expectError({ tls: { caFile: tls.caFile } }, "ETCD_REFUSED", expected);
    });

    it("says that etcd does not accept a certificate of another authority", async () => {
      const other = { caFile: tls.caFile, certFile: tls.otherCertFile, keyFile: tls.otherKeyFile };
      await expectError({ tls: other }, "ETCD_REFUSED", { message: /our client certificate/, hint: /certFile/ });
    });

    it("says that etcd does not accept an expired certificate", async () => {
      // biome-ignore lint/plugin: a certificate expires in real time
      const expired = await tls.freshPair({ notAfter: Date.now() - 60_000 });
      const expected = { message: /our client certificate/, hint: /openssl x509 -enddate/ };
      await expectError({ tls: { caFile: tls.caFile, ...expired } }, "ETCD_REFUSED", expected);
    });

    it("says that the pair does not match", async () => {
      const mixed = { ...keys(), keyFile: tls.otherKeyFile };
      await expectError({ tls: mixed }, "ETCD_UNAVAILABLE", { message: /do not match/, hint: /belong together/ });
    });

    it("says that a file is missing", async () => {
      const missing = { ...keys(), caFile: join(dirname(tls.caFile), "missing.crt") };
      await expectError({ tls: missing }, "ETCD_UNAVAILABLE", { message: /missing\.crt/, hint: /etcd\.tls/ });
    });

    it("says that a plain endpoint speaks TLS", async () => {
      const endpoints = cluster.endpoints.map((url) => url.replace("https", "http"));
      await expectError({ endpoints }, "ETCD_REFUSED", { message: /as a server of TLS does/, hint: /https:/ });
    });

    it("follows a pair that rotates, and keeps the last one while the files do not fit", async () => {
      await using directory = await tempDir();
      const files = { certFile: join(directory.path, "client.crt"), keyFile: join(directory.path, "client.key") };
      await copyFile(tls.otherCertFile, files.certFile);
      await copyFile(tls.otherKeyFile, files.keyFile);
      await using source = sourceOf(cluster, { tls: { caFile: tls.caFile, ...files } });
      await assert.rejects(takeSnapshot(source), (error) => isBackupError(error, "ETCD_REFUSED"));

      await copyFile(tls.certFile, files.certFile);
      await copyFile(tls.keyFile, files.keyFile);
      assert.equal((await takeSnapshot(source)).isIntact, true);

      await copyFile((await tls.freshPair()).certFile, files.certFile);
      assert.equal((await takeSnapshot(source)).isIntact, true);
      assert.equal(source.telemetry.of("warning").length, 1);
    });

    it("says that the server's certificate has expired", async () => {
      // etcd reads its own pair for each handshake.
      // biome-ignore lint/plugin: a certificate expires in real time
      const expired = await tls.freshPair({ notAfter: Date.now() - 60_000 });
      await copyFile(expired.certFile, join(dirname(tls.caFile), "server.crt"));
      await copyFile(expired.keyFile, join(dirname(tls.caFile), "server.key"));
      await expectError({}, "ETCD_REFUSED", { message: /not valid now/, hint: /Renew/ });
    });
  });

  it(`TLS to a plain etcd ${version} says that it does not speak TLS`, async () => {
    await using cluster = await startEtcd({ version });
    await using source = sourceOf(cluster, { endpoints: cluster.endpoints.map((url) => url.replace("http", "https")) });
    await assert.rejects(takeSnapshot(source), (error) => {
      assert.ok(isBackupError(error, "ETCD_REFUSED"), String(error));
      assert.match(error.message, /does not speak TLS/);
      assert.match(error.hint ?? "", /http:/);
      return true;
    });
  });
}
