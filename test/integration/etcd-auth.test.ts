import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isBackupError } from "../../src/errors.ts";
import type { SnapshotSource } from "../../src/ports/snapshot-source.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import type { EtcdAuth } from "../support/etcd-auth.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { tempDir } from "../support/temp-dir.ts";
import { never, sourceOf, takeSnapshot } from "./etcd-rig.ts";

/** etcd looks for idle tokens once a second, so it forgets them up to a second late. */
const TOKEN_TTL_SECONDS = 1;

for (const version of ["3.4", "3.5"] as const) {
  describe(`users of etcd ${version}`, () => {
    let cluster: EtcdCluster;
    let auth: EtcdAuth;
    before(async () => {
      cluster = await startEtcd({ version, auth: true, authTokenTtlSeconds: TOKEN_TTL_SECONDS });
      auth = cluster.auth ?? assert.fail("no auth");
    });
    after(() => cluster[Symbol.asyncDispose]());

    it("takes a snapshot as root", async () => {
      await using source = sourceOf(cluster);
      assert.equal((await takeSnapshot(source)).isIntact, true);
    });

    it("says that a user is wanted", async () => {
      await using source = sourceOf(cluster, { auth: {} });
      await expectRefusal(source, /user name is empty/, /etcd\.auth\.username/);
    });

    for (const username of ["root", "nobody"]) {
      it(`says that the password of "${username}" is wrong, without telling it`, async () => {
        await using source = sourceOf(cluster, { auth: { username, password: "not-the-password" } });
        await expectRefusal(source, new RegExp(`"${username}": .*authentication failed`), /passwordFile/);
        const error = await takeSnapshot(source).catch((one: unknown) => one);
        assert.ok(isBackupError(error));
        assert.doesNotMatch(JSON.stringify([error.stack, error.hint, String(error.cause)]), /not-the-password/);
      });
    }

    it("says that a snapshot needs the root role", async () => {
      await using source = sourceOf(cluster, { auth: auth.plainUser });
      await expectRefusal(source, /permission denied/, /grant-role/);
    });

    it("logs in again when the token has expired by idleness, for every call", async () => {
      await using source = sourceOf(cluster);
      const { member } = await source.choose(new Set(), never);
      for (const call of [
        (signal: AbortSignal) => source.choose(new Set(), signal),
        (signal: AbortSignal) => source.dbSize(member, signal),
        async (signal: AbortSignal) => await (await source.open(member, signal))[Symbol.asyncDispose](),
      ]) {
        await delay(TOKEN_TTL_SECONDS * 1000 + 1500);
        // Left to itself, etcd3 repeats the refused call until its deadline of 8 s.
        await call(AbortSignal.timeout(4000));
      }
    });

    it("reads the password again when it logs in", async () => {
      await using directory = await tempDir();
      const passwordFile = join(directory.path, "password");
      await writeFile(passwordFile, "the old one\n");
      await using source = sourceOf(cluster, { auth: { username: "root", passwordFile } });
      await expectRefusal(source, /authentication failed/, /passwordFile/);
      await writeFile(passwordFile, `${auth.password}\n`);
      assert.equal((await takeSnapshot(source)).isIntact, true);
    });

    it("logs in once, not for each call, which costs etcd a slow hash", async () => {
      await using source = sourceOf(cluster);
      const before = await logins(cluster);
      await takeSnapshot(source);
      assert.equal((await logins(cluster)) - before, 1);
    });

    it("needs one connection for all calls and one for the stream", async () => {
      await using proxy = await startFaultProxy(cluster.endpoints[0] ?? "");
      await using source = sourceOf(cluster, { endpoints: [proxy.url] });
      await takeSnapshot(source);
      assert.equal(proxy.connections.accepted, 2);
    });
  });

  it(`etcd ${version} without users is read also when a user is configured`, async () => {
    await using cluster = await startEtcd({ version });
    await using source = sourceOf(cluster, { auth: { username: "root", password: "unused" } });
    assert.equal((await takeSnapshot(source)).isIntact, true);
  });
}

/** As etcd counts them. */
async function logins(cluster: EtcdCluster): Promise<number> {
  const metrics = await (await fetch(`${cluster.endpoints[0]}/metrics`)).text();
  return Number(
    /grpc_server_handled_total\{grpc_code="OK",grpc_method="Authenticate".*\} (\d+)/.exec(metrics)?.[1] ?? 0,
  );
}

async function expectRefusal(source: SnapshotSource, message: RegExp, hint: RegExp): Promise<void> {
  await assert.rejects(takeSnapshot(source), (error) => {
    assert.ok(isBackupError(error, "ETCD_REFUSED"), String(error));
    assert.match(error.message, message);
    assert.match(error.hint ?? "", hint);
    return true;
  });
}
