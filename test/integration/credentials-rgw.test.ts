import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { HeadBucketCommand } from "@aws-sdk/client-s3";
import { systemClock } from "../../src/app/system-clock.ts";
import { Config } from "../../src/config/schema.ts";
import { createCredentialSource } from "../../src/credentials/credential-source.ts";
import type { CredentialSource, Identity } from "../../src/ports/credentials.ts";
import { type AwsKeys, s3Client } from "../support/aws.ts";
import { eventually } from "../support/eventually.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { type TempDir, tempDir } from "../support/temp-dir.ts";

let rgw: Rgw;
before(async () => {
  rgw = await startRgw({ shared: true });
});
after(async () => {
  await rgw[Symbol.asyncDispose]();
});

/** HOME with those two files. */
async function homeWith(keys: AwsKeys, config = ""): Promise<TempDir> {
  const home = await tempDir();
  await mkdir(join(home.path, ".aws"));
  await writeKeys(home, keys);
  await writeFile(join(home.path, ".aws", "config"), config);
  return home;
}

async function writeKeys(home: TempDir, { accessKeyId, secretAccessKey }: AwsKeys): Promise<void> {
  const text = `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
  await writeFile(join(home.path, ".aws", "credentials"), text, { mode: 0o600 });
}

function openSource(home: TempDir, profile = ""): CredentialSource {
  return createCredentialSource({
    config: Config.parse({ s3: { profile } }).s3,
    environment: { HOME: home.path, AWS_EC2_METADATA_DISABLED: "true", AWS_ENDPOINT_URL_STS: rgw.endpoint },
    clock: systemClock,
    onChange: () => {},
    onRejected: () => {},
    onWarning: () => {},
  });
}

/** Signs one request to the bucket, and tells the source how that went, as the S3 adapter does. */
async function useOnce(source: CredentialSource, bucket: string, waitMs = 0): Promise<Identity> {
  for (;;) {
    const identity = await source.current();
    const client = s3Client(rgw, identity);
    try {
      await client.send(new HeadBucketCommand({ Bucket: bucket }));
      source.accepted(identity);
      return identity;
    } catch (cause) {
      await source.replace({ identity, cause, waitMs }, AbortSignal.timeout(60_000));
    } finally {
      client.destroy();
    }
  }
}

test("createCredentialSource() assumes a role at the service's own STS, and the service takes the set", async () => {
  const config = `[profile backup]\nrole_arn = ${rgw.roleArn}\nsource_profile = default\n`;
  await using home = await homeWith(rgw, config);
  await using source = openSource(home, "backup");

  const identity = await useOnce(source, await rgw.createBucket());

  assert.ok(identity.sessionToken);
  assert.ok((identity.expiresAt ?? 0) > systemClock.now());
});

test("createCredentialSource() keeps the key that the service accepts when its successor is wrong, and takes the right one", async () => {
  const user = await rgw.createUser();
  const bucket = await rgw.createBucket({}, user);
  await using home = await homeWith(user);
  await using source = openSource(home);
  assert.equal((await useOnce(source, bucket)).accessKeyId, user.accessKeyId);

  await writeKeys(home, { ...user, accessKeyId: "UNKNOWNKEY01" });
  await eventually(() => source.describe()?.keyTail === "EY01", { timeoutMs: 5_000 });
  assert.equal((await useOnce(source, bucket)).accessKeyId, user.accessKeyId);
  const successor = await rgw.addKey(user.uid);
  await writeKeys(home, successor);
  await eventually(() => source.describe()?.keyTail === successor.accessKeyId.slice(-4), { timeoutMs: 5_000 });

  assert.equal((await useOnce(source, bucket)).accessKeyId, successor.accessKeyId);
});

test("createCredentialSource() waits for the successor when the key is revoked first", async () => {
  const user = await rgw.createUser();
  const bucket = await rgw.createBucket({}, user);
  await using home = await homeWith(user);
  await using source = openSource(home);
  await useOnce(source, bucket);
  const successor = await rgw.addKey(user.uid);
  await rgw.removeKey(user.accessKeyId);

  const waiting = useOnce(source, bucket, 30_000);
  await systemClock.sleep(1_500, AbortSignal.timeout(5_000));
  await writeKeys(home, successor);

  assert.equal((await waiting).accessKeyId, successor.accessKeyId);
});
