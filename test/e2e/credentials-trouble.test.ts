import assert from "node:assert/strict";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { testBucket } from "../support/aws.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { assertFails, credentialsText, type Failure, heard, type Scene, setScene } from "./scene.ts";

interface Row {
  readonly name: string;
  /** What the operator has done to the credentials file. */
  readonly spoil?: (scene: Scene) => Promise<void>;
  /** Variables besides. */
  readonly env?: (scene: Scene) => Readonly<Record<string, string>>;
  readonly failure: Omit<Failure, "exit">;
}

const WRONG = "a-secret-that-fits-no-key";
const rejected = { code: "CREDENTIALS_REJECTED" } as const;
const invalid = { code: "CREDENTIALS_INVALID" } as const;

const rows: readonly Row[] = [
  {
    name: "a wrong secret",
    spoil: ({ credentialsFile, user }) =>
      writeFile(credentialsFile, credentialsText({ ...user, secretAccessKey: WRONG })),
    failure: {
      ...rejected,
      says: /the secret key does not fit access key "…\w{4}"/,
      hint: /^ {2}hint: Correct the secret key in \//,
    },
  },
  {
    name: "an unknown key",
    spoil: ({ credentialsFile, user }) =>
      writeFile(credentialsFile, credentialsText({ ...user, accessKeyId: "AKNOBODY" })),
    failure: { ...rejected, says: /does not know access key "…BODY"/, hint: /access key in \// },
  },
  {
    name: "an expired session token",
    spoil: async ({ credentialsFile, rgw, bucket }) => {
      const session = await rgw.assumeRole({ durationSeconds: 2 });
      await writeFile(credentialsFile, credentialsText(session));
      using client = testBucket(bucket.name, rgw, session);
      await eventually(() =>
        client.keys().then(
          () => false,
          (error) => /Expired|Invalid/.test(String(error)),
        ),
      );
    },
    // RGW no longer knows the key of a session that is over, and says just that.
    failure: { ...rejected, says: /does not know access key "…\w{4}"/, hint: /Correct the access key in "?\// },
  },
  {
    name: "no credentials file",
    spoil: ({ credentialsFile }) => rm(credentialsFile),
    failure: {
      code: "CREDENTIALS_MISSING",
      says: /no source is configured/,
      hint: /Write a key to "\/.*\/\.aws\/credentials"/,
    },
  },
  {
    name: "a credentials file that was named and is missing",
    env: () => ({ AWS_SHARED_CREDENTIALS_FILE: "/no/such/credentials" }),
    failure: { ...invalid, says: /"\/no\/such\/credentials": no such file/, hint: /s3\.credentialsFile/ },
  },
  {
    name: "an empty file",
    spoil: ({ credentialsFile }) => writeFile(credentialsFile, ""),
    failure: {
      code: "CREDENTIALS_MISSING",
      says: /find credentials: "\/.*\/\.aws\/credentials" is empty, and no other source is configured/,
      hint: /Write a key to "\/.*\/\.aws\/credentials" under \[default\]/,
    },
  },
  {
    name: "a file of other profiles",
    spoil: ({ credentialsFile, user }) => writeFile(credentialsFile, credentialsText(user, "backup")),
    failure: {
      code: "CREDENTIALS_MISSING",
      says: /\.aws\/credentials" has no section \[default\], and no other source is configured/,
      hint: /set s3\.profile to one that is there \(backup\)/,
    },
  },
  {
    name: "a file that is torn in mid-line",
    spoil: ({ credentialsFile, user }) =>
      writeFile(credentialsFile, `[default]\naws_access_key_id = ${user.accessKeyId}\naws_secret_acc`),
    failure: { ...invalid, says: /line 3/, hint: /Correct line 3; .*key = value/ },
  },
  {
    name: "half a pair",
    spoil: ({ credentialsFile, user }) =>
      writeFile(credentialsFile, `[default]\naws_access_key_id = ${user.accessKeyId}\n`),
    failure: {
      ...invalid,
      says: /aws_secret_access_key is missing/,
      hint: /Set aws_secret_access_key in the same place/,
    },
  },
  {
    name: "half a pair in the environment, above a file that is whole",
    env: ({ user }) => ({ AWS_ACCESS_KEY_ID: user.accessKeyId }),
    failure: { ...invalid, says: /AWS_SECRET_ACCESS_KEY is missing/, hint: /Set AWS_SECRET_ACCESS_KEY/ },
  },
  {
    name: "two sections of one name",
    spoil: ({ credentialsFile, user }) => writeFile(credentialsFile, credentialsText(user).repeat(2)),
    failure: { ...invalid, says: /section appears 2 times, in lines 1 and 4/, hint: /Keep one of the sections/ },
  },
  {
    name: "a profile that is not there",
    env: () => ({ AWS_PROFILE: "backup" }),
    failure: { ...invalid, says: /Cannot find profile "backup"/, hint: /Profiles there: default; set s3\.profile/ },
  },
  {
    name: "a file that everyone may write to",
    spoil: ({ credentialsFile }) => chmod(credentialsFile, 0o666),
    failure: { ...invalid, says: /everyone may write to it \(mode 0666\)/, hint: /chmod 600 \/.*credentials"/ },
  },
];

/** Machines that have no other credentials to give. */
const machines = {
  "where the instance's role is not to be asked for": { AWS_EC2_METADATA_DISABLED: "true" },
  "where no instance has a role": { AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:1" },
};

describe("credentials that do not work", { concurrency: 2 }, () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;

  before(async () => {
    etcd = await startEtcd({ shared: true });
    rgw = await startRgw({ shared: true });
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  for (const { name, spoil, env, failure } of rows) {
    it(`save with ${name} is 11, said with a hint, and stores nothing`, async () => {
      await using scene = await setScene({ etcd, rgw });
      await spoil?.(scene);
      const result = await scene.ark(["save"], { env: { ...scene.env, ...env?.(scene) } });
      assertFails(result, { exit: 11, ...failure });
      assert.ok(
        ![WRONG, scene.user.secretAccessKey].some((secret) => result.stderr.includes(secret)),
        "a secret is shown",
      );
      assert.deepEqual(await scene.bucket.keys(), []);
      assert.deepEqual(await scene.bucket.uploads(), []);
    });
  }

  it("save with a session token that the service says has expired is 11, and is told to renew it", async () => {
    await using proxy = await startFaultProxy(rgw.endpoint, { http: true });
    await using scene = await setScene({ etcd, rgw, s3Endpoint: proxy.url });
    proxy.inject({ times: 99, do: { answer: 400, code: "ExpiredToken" } });
    const says = /the session token has expired \(ExpiredToken\)/;
    assertFails(await scene.ark(["save"]), { exit: 11, ...rejected, says, hint: /renew the session in \// });
    assert.deepEqual(await scene.bucket.keys(), []);
  });

  for (const command of ["run", "save"]) {
    for (const [machine, env] of Object.entries(machines)) {
      it(`${command} with HOME unset ${machine} is 10, and names the file to edit`, async () => {
        await using scene = await setScene({ etcd, rgw, config: { schedule: { onStart: true } } });
        await using ark = scene.start([command], { env });
        // A daemon that goes on would never end.
        const wentOn = await ark.line('"event":"backup.failed"').catch(() => undefined);
        assert.equal(wentOn, undefined);
        assertFails(await ark.ended, {
          exit: 10,
          code: "CONFIG_INVALID",
          says: /HOME is unset/,
          hint: /echo HOME=\/root >> \/etc\/systemd\/system\/etcd-ark\.service\.env/,
        });
        assert.deepEqual(await scene.bucket.keys(), []);
      });
    }
  }

  it("run with HOME unset goes on when the credentials file is named, though it is not there yet", async () => {
    await using scene = await setScene({ etcd, rgw });
    const file = join(scene.home, "later");
    await scene.configure({ s3: { credentialsFile: file }, schedule: { onStart: true } });
    await using daemon = scene.start(["run"], { env: { AWS_EC2_METADATA_DISABLED: "true" } });
    const { err } = await heard(daemon, "backup.failed");
    assert.match(JSON.stringify(err), /CREDENTIALS_INVALID.*later/);
    await writeFile(file, credentialsText(scene.user), { mode: 0o600 });
    await heard(daemon, "backup.finished");
  });
});
