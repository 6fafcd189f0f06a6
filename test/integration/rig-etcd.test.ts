import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { environment } from "../support/environment.ts";
import { type EtcdCluster, sharedEtcdVariable, startEtcd } from "../support/etcd.ts";
import { etcdPrograms } from "../support/etcd-programs.ts";
import { eventually } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";

async function revision(cluster: EtcdCluster, endpoint?: string): Promise<number> {
  const flags = endpoint ? [`--endpoints=${endpoint}`] : [];
  const [status] = JSON.parse(await cluster.etcdctl("endpoint", "status", "-w", "json", ...flags));
  return status.Status.header.revision;
}

for (const version of ["3.4", "3.5"] as const) {
  describe(`startEtcd() of ${version}`, () => {
    it("starts a plain member whose snapshot its own tools restore", async () => {
      await using cluster = await startEtcd({ version });
      await using directory = await tempDir();
      const file = join(directory.path, "snapshot.db");

      await cluster.etcdctl("put", "answer", "42");
      await cluster.etcdctl("snapshot", "save", file);
      await cluster.etcdutl("snapshot", "restore", file, "--data-dir", join(directory.path, "restored"));

      assert.equal(cluster.version.slice(0, 3), version);
      assert.match(cluster.endpoints[0] ?? "", /^http:\/\/127\.0\.0\.1:\d+$/);
      assert.equal(JSON.parse(await cluster.etcdutl("snapshot", "status", file, "-w", "json")).revision, 2);
    });

    it("asks for client certificates when started with tls", async () => {
      await using cluster = await startEtcd({ version, tls: true });
      const { tls } = cluster;
      assert.ok(tls);
      const fresh = await tls.freshPair();

      await cluster.etcdctl("put", "a", "b");
      await cluster.etcdctl("get", "a");

      assert.match(cluster.endpoints[0] ?? "", /^https:/);
      assert.equal(await status(cluster, tls.caFile, fresh), 200);
      await assert.rejects(status(cluster, tls.caFile), { code: /TLS|SSL/ });
      const other = { certFile: tls.otherCertFile, keyFile: tls.otherKeyFile };
      await assert.rejects(status(cluster, tls.caFile, other), { code: /TLS|SSL/ });
      await assert.rejects(status(cluster, tls.otherCaFile, fresh), { code: /VERIFY|CERT/ });
    });

    it("refuses a snapshot to a user without the root role when started with auth", async () => {
      await using cluster = await startEtcd({ version, auth: true, authTokenTtlSeconds: 2 });
      await using directory = await tempDir();
      const { auth } = cluster;
      assert.ok(auth);
      const endpoint = `--endpoints=${cluster.endpoints[0]}`;
      const save = ["snapshot", "save", join(directory.path, "snapshot.db")];

      await cluster.etcdctl("put", "a", "b");
      await cluster.etcdctl(...save);

      const { username, password } = auth.plainUser;
      await assert.rejects(cluster.etcdctl(endpoint, "put", "a", "b", "--user=root:wrong"), /authentication failed/);
      const plain = `--user=${username}:${password}`;
      assert.match(await cluster.etcdctl("get", "a", plain), /b/);
      await assert.rejects(cluster.etcdctl(...save, plain), /permission denied/);
    });
  });
}

describe("startEtcd() with three members", () => {
  it("keeps quorum when one is killed, loses it with two, and takes them back", async () => {
    await using cluster = await startEtcd({ members: 3 });
    const [first, second, third] = cluster.members;
    assert.ok(first && second && third);
    const through = (member: { endpoint: string }) => `--endpoints=${member.endpoint}`;
    await cluster.etcdctl("put", "a", "1");

    await third.kill();
    await eventually(() => cluster.etcdctl("put", "a", "2", through(first)));
    await second.stop();
    await assert.rejects(cluster.etcdctl("put", "b", "3", through(first), "--command-timeout=1s"));
    await second.restart();
    await third.restart();

    assert.match(await cluster.etcdctl("get", "a", through(third)), /2/);
  });

  it("lets a member fall behind while it is isolated from its peers", async () => {
    await using cluster = await startEtcd({ members: 3 });
    const [first, second, third] = cluster.members;
    assert.ok(first && second && third);
    const others = `--endpoints=${first.endpoint},${second.endpoint}`;
    await cluster.etcdctl("put", "a", "1");
    await eventually(async () => (await revision(cluster, third.endpoint)) === 2);

    third.isolate();
    await eventually(() => cluster.etcdctl("put", "a", "2", others));

    assert.equal(await revision(cluster, third.endpoint), 2);
    third.rejoin();
    await eventually(async () => (await revision(cluster, third.endpoint)) >= 3);
  });

  it("freezes a member without closing its connections, and thaws it", async () => {
    await using cluster = await startEtcd();
    const [member] = cluster.members;
    assert.ok(member);

    member.freeze();
    await assert.rejects(cluster.etcdctl("put", "a", "1", "--command-timeout=500ms"), /deadline exceeded/);
    member.thaw();

    await eventually(() => cluster.etcdctl("put", "a", "2"));
  });
});

describe("startEtcd()", () => {
  it("lets a token die that was idle for its life", async () => {
    await using cluster = await startEtcd({ auth: true, authTokenTtlSeconds: 1 });
    const call = async (path: string, body: object, headers: Record<string, string> = {}) => {
      const url = `${cluster.endpoints[0]}/v3/${path}`;
      return await fetch(url, { method: "POST", body: JSON.stringify(body), headers });
    };
    const { username: name, password = "" } = cluster.auth ?? {};
    const answer = await (await call("auth/authenticate", { name, password })).json();
    const read = () => call("kv/range", { key: "YQ==" }, { authorization: JSON.parse(JSON.stringify(answer)).token });

    assert.equal((await read()).status, 200);
    // Each use would prolong its life.
    await delay(3500);

    assert.equal((await read()).status, 401);
  });

  it("takes the member that the run shares when asked to", async () => {
    await using owned = await startEtcd();
    using _ = environment({ [sharedEtcdVariable]: owned.endpoints[0] ?? "" });

    {
      await using shared = await startEtcd({ shared: true });
      await shared.etcdctl("put", "a", "b");
      assert.deepEqual(shared.endpoints, owned.endpoints);
    }

    assert.match(await owned.etcdctl("get", "a"), /b/);
  });

  it("runs programs of one's own", async () => {
    await using directory = await tempDir();
    const programs = await etcdPrograms("3.4");
    for (const name of ["etcd", "etcdctl"] as const) {
      const words = programs[name]().map((word) => `'${word}'`);
      await writeFile(join(directory.path, name), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, { mode: 0o755 });
    }
    using _ = environment({ ETCD_ARK_TEST_ETCD_BIN: directory.path });

    await using cluster = await startEtcd();

    assert.equal(cluster.version, programs.version);
    await cluster.etcdctl("put", "a", "b");
    assert.match(await cluster.etcdutl("version"), /etcdctl version: 3\.4/);
  });
});

async function status(cluster: EtcdCluster, caFile: string, pair?: { certFile: string; keyFile: string }) {
  const files = {
    ca: await readFile(caFile),
    ...(pair && { cert: await readFile(pair.certFile), key: await readFile(pair.keyFile) }),
  };
  return await new Promise<number | undefined>((resolve, reject) => {
    const request = get(`${cluster.endpoints[0]}/health`, { ...files, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("error", reject);
  });
}
