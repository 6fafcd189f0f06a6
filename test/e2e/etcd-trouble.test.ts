import assert from "node:assert/strict";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { reservePort } from "../support/ports.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { startLearner } from "./learner.ts";
import { assertFails, type Failure, heard, type Settings, setScene } from "./scene.ts";

describe("an etcd that cannot be read", () => {
  let rgw: Rgw;

  before(async () => {
    rgw = await startRgw({ shared: true });
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
  });

  /** `save` fails as told, and the bucket stays empty. */
  const refuses = async (etcd: EtcdCluster, config: Settings, failure: Failure): Promise<string> => {
    await using scene = await setScene({ etcd, rgw, config: { etcd: config } });
    const result = await scene.ark(["save"]);
    assertFails(result, failure);
    assert.deepEqual(await scene.left(), []);
    return result.stderr;
  };

  it("save ends with 12 when nothing listens there", async () => {
    await using etcd = await startEtcd({ shared: true });
    const endpoint = `http://127.0.0.1:${await reservePort()}`;
    await refuses(
      etcd,
      { endpoints: [endpoint] },
      {
        exit: 12,
        code: "ETCD_UNAVAILABLE",
        says: /connection refused/,
        hint: /systemctl status etcd.*etcd\.endpoints/,
      },
    );
  });

  it("save ends with 12 within 30 s when the server is frozen", async () => {
    await using etcd = await startEtcd();
    etcd.members[0]?.freeze();
    const before = process.uptime();
    await refuses(etcd, {}, { exit: 12, code: "ETCD_UNAVAILABLE", says: /no answer within/, hint: /frozen/ });
    assert.ok(process.uptime() - before < 30);
  });

  it("save ends with 12 when only a learner answers", async () => {
    await using etcd = await startEtcd();
    await using learner = await startLearner(etcd);
    await refuses(
      etcd,
      { endpoints: [learner.endpoint] },
      { exit: 12, code: "ETCD_UNAVAILABLE", says: /learners/, hint: /etcdctl member promote/ },
    );
  });

  describe("with certificates", () => {
    let etcd: EtcdCluster;

    before(async () => {
      etcd = await startEtcd({ tls: true });
    });

    after(async () => {
      await etcd?.[Symbol.asyncDispose]();
    });

    const tls = () => etcd.tls ?? assert.fail("no TLS");
    const refused = { exit: 12, code: "ETCD_REFUSED" };

    it("save ends with 12 when the authority is another one's", async () => {
      const { otherCaFile: caFile, certFile, keyFile } = tls();
      const failure = { ...refused, says: /not signed by a known authority/, hint: /etcd\.tls\.caFile/ };
      await refuses(etcd, { tls: { caFile, certFile, keyFile } }, failure);
    });

    it("save ends with 12 when etcd does not know who signed the client certificate", async () => {
      const { caFile, otherCertFile: certFile, otherKeyFile: keyFile } = tls();
      const failure = { ...refused, says: /does not accept our client certificate/, hint: /etcd\.tls\.certFile/ };
      await refuses(etcd, { tls: { caFile, certFile, keyFile } }, failure);
    });

    it("save ends with 12 when a client certificate is wanted and there is none", async () => {
      const failure = { ...refused, says: /Cannot connect to etcd/, hint: /etcd\.tls\.certFile/ };
      await refuses(etcd, { tls: { caFile: tls().caFile } }, failure);
    });

    it("save ends with 12 when the certificate and the key do not match", async () => {
      const { caFile, certFile, otherKeyFile: keyFile } = tls();
      const failure = { exit: 12, code: "ETCD_UNAVAILABLE", says: /do not match/, hint: /etcd\.tls/ };
      await refuses(etcd, { tls: { caFile, certFile, keyFile } }, failure);
    });

    it("the daemon goes on while a pair is rotated one file after the other", async () => {
      await using scene = await setScene({ etcd, rgw });
      const [certFile, keyFile] = [join(scene.home, "client.crt"), join(scene.home, "client.key")];
      const replace = async (pair: { certFile?: string; keyFile?: string }): Promise<void> => {
        if (pair.certFile) await copyFile(pair.certFile, certFile);
        if (pair.keyFile) await copyFile(pair.keyFile, keyFile);
      };
      await replace(tls());
      await scene.configure({
        etcd: { tls: { caFile: tls().caFile, certFile, keyFile } },
        schedule: { cron: "*/2 * * * * *" },
      });
      await using daemon = scene.start(["run"]);
      await heard(daemon, "backup.finished");
      const fresh = await tls().freshPair();
      await replace({ certFile: fresh.certFile });
      const half = daemon.lines.length;
      await heard(daemon, "backup.finished", half);
      await daemon.line("The TLS files for etcd are no good");
      await replace({ keyFile: fresh.keyFile });
      await heard(daemon, "backup.finished", daemon.lines.length);
      assert.deepEqual(
        daemon.lines.filter((line) => line.includes("backup.failed")),
        [],
      );
    });
  });

  describe("with users", () => {
    let etcd: EtcdCluster;

    before(async () => {
      etcd = await startEtcd({ auth: true, authTokenTtlSeconds: 1 });
    });

    after(async () => {
      await etcd?.[Symbol.asyncDispose]();
    });

    const auth = () => etcd.auth ?? assert.fail("no auth");
    const refused = { exit: 12, code: "ETCD_REFUSED" };

    it("save ends with 12 when no user is named", async () => {
      await refuses(etcd, {}, { ...refused, says: /user name is empty/, hint: /etcd\.auth\.username/ });
    });

    it("save ends with 12 when the password is wrong, and does not show it", async () => {
      const wrong = { username: "root", password: "hunter2-not-it" };
      const failure = { ...refused, says: /authentication failed/, hint: /etcd\.auth\.passwordFile/ };
      const said = await refuses(etcd, { auth: wrong }, failure);
      assert.ok(!said.includes(wrong.password));
    });

    it("save ends with 12 when the user lacks the root role, and names the command that grants it", async () => {
      const failure = { ...refused, says: /permission denied/, hint: /etcdctl user grant-role NAME root/ };
      await refuses(etcd, { auth: auth().plainUser }, failure);
    });

    it("the daemon goes on when its token has expired between two ticks", async () => {
      await using scene = await setScene({ etcd, rgw });
      const passwordFile = join(scene.home, "password");
      await writeFile(passwordFile, `${auth().password}\n`, { mode: 0o600 });
      // The token of one tick is long forgotten at the next.
      const schedule = { cron: "*/5 * * * * *" };
      await scene.configure({ etcd: { auth: { username: "root", passwordFile } }, schedule });
      await using daemon = scene.start(["run"]);
      await heard(daemon, "backup.finished");
      await heard(daemon, "backup.finished", daemon.lines.length);
      assert.ok(!daemon.lines.some((line) => line.includes("backup.failed")), daemon.lines.join("\n"));
    });
  });
});

describe("a cluster of three in trouble", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;

  before(async () => {
    [etcd, rgw] = await Promise.all([startEtcd({ members: 3 }), startRgw({ shared: true })]);
    await etcd.etcdctl("put", "/registry/a", "b");
  });

  after(async () => {
    await etcd?.[Symbol.asyncDispose]();
    await rgw?.[Symbol.asyncDispose]();
  });

  it("save reads from another member while one, whichever, is cut off and lags, and misses nothing that the others agreed on", async () => {
    await using scene = await setScene({ etcd, rgw });
    for (const member of etcd.members) {
      const through = (others: readonly { readonly endpoint: string }[], ...args: string[]) =>
        etcd.etcdctl(...args, `--endpoints=${others.map(({ endpoint }) => endpoint).join(",")}`);
      const others = etcd.members.filter((other) => other !== member);
      member.isolate();
      try {
        const put = await eventually(() => through(others, "put", "/registry/late", "x", "--write-out=json"));
        const { revision } = JSON.parse(put).header;
        const behind = JSON.parse(await through([member], "get", "a", "--consistency=s", "--write-out=json"));
        assert.ok(behind.header.revision < revision, `${member.name} does not lag`);
        const saved = await scene.save();
        assert.deepEqual([saved.revision, saved.linearized], [String(revision), true], `without ${member.name}`);
      } finally {
        member.rejoin();
      }
      // A linearizable read: it is one of them again.
      await eventually(() => through([member], "get", "/registry/late"));
    }
  });

  it("save takes what one member has without quorum, and says so wherever the snapshot is shown", async () => {
    await using scene = await setScene({ etcd, rgw });
    await Promise.all(etcd.members.slice(1).map((member) => member.kill()));
    const result = await scene.ark(["save", "-o", "json"]);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(JSON.parse(result.stdout).linearized, false);
    assert.match(result.stderr, /The cluster has no quorum/);
    assert.match((await scene.ark(["list"])).stdout, /taken without quorum/);
  });
});
