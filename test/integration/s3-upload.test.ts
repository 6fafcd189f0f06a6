import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { GetObjectTaggingCommand, HeadObjectCommand } from "@aws-sdk/client-s3";
import { systemClock } from "../../src/app/system-clock.ts";
import { isBackupError } from "../../src/errors.ts";
import { type TestBucket, testBucket } from "../support/aws.ts";
import { createAuthority } from "../support/certificates.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { tempDir } from "../support/temp-dir.ts";
import {
  MIB,
  metadata,
  never,
  randomBody,
  readBody,
  startConnectProxy,
  TestCredentials,
  testStore,
  writeBody,
} from "./s3-rig.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

for (const suite of ["trixie", "bookworm"] as const) {
  describe(`the S3 store uploads to RGW of ${suite}`, () => {
    let rgw: Rgw;
    let bucket: TestBucket;

    before(async () => {
      rgw = await startRgw({ suite });
      bucket = testBucket(await rgw.createBucket(), rgw, rgw);
    });

    after(async () => {
      bucket?.[Symbol.dispose]();
      await rgw?.[Symbol.asyncDispose]();
    });

    const open = (config = {}, name = bucket.name) =>
      testStore({ endpoint: rgw.endpoint, bucket: name, credentials: new TestCredentials(rgw), config });

    it("open() makes a single PUT of a body that fits one part", async () => {
      await using store = open();
      const body = randomBody(300_000);
      const written = await writeBody(store, { key: "default/snapshots/one", body });
      assert.deepEqual(await bucket.get("etcd/backups/default/snapshots/one"), body);
      assert.equal(written.parts, 1);
      assert.equal(written.size, body.length);
      assert.deepEqual(written.metadata, metadata);
      assert.ok(Math.abs(written.storedAt - systemClock.now()) < 60_000);
    });

    it("open() uploads 20 equal parts byte for byte", async () => {
      await using store = open();
      const body = randomBody(19 * 5 * MIB + 12_345);
      const written = await writeBody(store, { key: "default/snapshots/twenty", body });
      assert.equal(written.parts, 20);
      assert.match(written.etag ?? "", /-20"$/);
      assert.ok((await bucket.get("etcd/backups/default/snapshots/twenty")).equals(body));
    });

    it("open() takes sizes around the part's boundary, expected or not", async () => {
      await using store = open();
      for (const size of [0, 1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 10 * MIB]) {
        const body = randomBody(size);
        for (const expectedSize of [0, 1, size, size * 2 + 20 * MIB]) {
          const key = `default/snapshots/edge-${size}-${expectedSize}`;
          const written = await writeBody(store, { key, body, expectedSize });
          assert.equal(written.size, size, key);
          assert.ok((await readBody(store, key)).equals(body), key);
        }
      }
      assert.deepEqual(await bucket.uploads(), []);
    });

    it("a writer that is disposed of leaves neither object nor upload, also under an aborted signal", async () => {
      await using store = open();
      const interrupted = new AbortController();
      const body = randomBody(32 * MIB);
      const reason = new Error("SIGTERM");
      const writing = async () => {
        await using writer = await store.open(
          "default/snapshots/gone",
          { expectedSize: 0, metadata },
          interrupted.signal,
        );
        for (let offset = 0; offset < body.length; offset += MIB) {
          if (offset === 21 * MIB) interrupted.abort(reason);
          await writer.write(body.subarray(offset, offset + MIB));
        }
        await writer.complete();
      };
      await assert.rejects(writing, (error) => error === reason);
      assert.deepEqual(await bucket.uploads(), []);
      assert.deepEqual(await bucket.keys("etcd/backups/default/snapshots/gone"), []);
    });

    it("open() stores tags and storage class with single and multipart bodies", async () => {
      await using store = open({ tags: { team: "a b", "cost/centre": "x&y=z" }, storageClass: "STANDARD" });
      for (const size of [1000, 6 * MIB]) {
        const key = `default/snapshots/tagged-${size}`;
        await writeBody(store, { key, body: randomBody(size) });
        const { TagSet } = await bucket.client.send(
          new GetObjectTaggingCommand({ Bucket: bucket.name, Key: `etcd/backups/${key}` }),
        );
        const tags = Object.fromEntries((TagSet ?? []).map(({ Key, Value }) => [Key, Value]));
        assert.deepEqual(tags, { team: "a b", "cost/centre": "x&y=z" });
      }
    });

    it("open() encrypts with the customer's key, without which the object cannot be read", async () => {
      await using directory = await tempDir();
      const customerKeyFile = join(directory.path, "sse-c.key");
      await writeFile(customerKeyFile, randomBytes(32).toString("base64"));
      await using store = open({ sse: { mode: "customer", kmsKeyId: "", customerKeyFile } });
      const body = randomBody(11 * MIB);
      await writeBody(store, { key: "default/snapshots/sse-c", body });
      await store.create("default/manifests/sse-c.json", Buffer.from("{}"), never);
      assert.ok((await readBody(store, "default/snapshots/sse-c")).equals(body));
      assert.deepEqual(await store.get("default/manifests/sse-c.json", never), new Uint8Array([123, 125]));
      await assert.rejects(bucket.get("etcd/backups/default/snapshots/sse-c"));
      await using plain = open();
      await assert.rejects(plain.get("default/manifests/sse-c.json", never), (error) => isBackupError(error));
    });

    it("open() encrypts with a KMS key and notices one that is unknown", async () => {
      await using store = open({ sse: { mode: "aws:kms", kmsKeyId: rgw.kmsKey, customerKeyFile: "" } });
      const body = randomBody(6 * MIB);
      await writeBody(store, { key: "default/snapshots/kms", body });
      const head = await bucket.client.send(
        new HeadObjectCommand({ Bucket: bucket.name, Key: "etcd/backups/default/snapshots/kms" }),
      );
      assert.equal(head.ServerSideEncryption, "aws:kms");
      await using wrong = open({ sse: { mode: "aws:kms", kmsKeyId: "no-such-key", customerKeyFile: "" } });
      await assert.rejects(writeBody(wrong, { key: "default/snapshots/nokms", body }), (error) => isBackupError(error));
    });

    it("open() refuses to call an object stored whose encryption the service has dropped", async () => {
      await using store = open({ sse: { mode: "AES256", kmsKeyId: "", customerKeyFile: "" } });
      const writing = writeBody(store, { key: "default/snapshots/sse-s3", body: randomBody(6 * MIB) });
      await assert.rejects(writing, (error) => isBackupError(error, "STORE_REFUSED"));
      assert.deepEqual(await bucket.keys("etcd/backups/default/snapshots/sse-s3"), []);
    });

    it("open() locks objects, also where a multipart upload drops the lock", async () => {
      const locked = await rgw.createBucket({ objectLock: true });
      await using store = open({ objectLock: { mode: "GOVERNANCE", days: 2 } }, locked);
      for (const size of [1000, 6 * MIB]) {
        const written = await writeBody(store, { key: `default/snapshots/lock-${size}`, body: randomBody(size) });
        assert.equal(written.lock?.mode, "GOVERNANCE");
        assert.ok((written.lock?.until ?? 0) > systemClock.now() + 86_400_000);
        assert.ok(written.versionId);
      }
    });

    it("open() refuses when the bucket cannot lock, and leaves nothing", async () => {
      await using store = open({ objectLock: { mode: "GOVERNANCE", days: 2 } });
      for (const size of [1000, 6 * MIB]) {
        const writing = writeBody(store, { key: "default/snapshots/unlocked", body: randomBody(size) });
        await assert.rejects(writing, (error) => isBackupError(error, "STORE_REFUSED"));
      }
      assert.deepEqual(await bucket.keys("etcd/backups/default/snapshots/unlocked"), []);
      assert.deepEqual(await bucket.uploads(), []);
    });

    it("open() sends bodies under every kind of checksum", async () => {
      for (const checksum of ["auto", "crc", "md5", "none"] as const) {
        await using store = open({ checksum });
        for (const size of [1000, 11 * MIB]) {
          const body = randomBody(size);
          await writeBody(store, { key: `default/snapshots/${checksum}-${size}`, body });
          assert.ok((await readBody(store, `default/snapshots/${checksum}-${size}`)).equals(body));
        }
      }
    });

    it("open() speaks https under a custom CA, also to a virtual host through a proxy", async () => {
      const authority = createAuthority();
      const tls = authority.issue({ dnsNames: ["localhost", `${bucket.name}.localhost`] });
      await using service = await startFaultProxy(rgw.endpoint, { tls });
      await using proxy = await startConnectProxy();
      const virtual = { addressing: "virtual", proxy: proxy.url, endpointCA: base64(authority.cert) } as const;
      const byPath = { addressing: "auto", endpointCA: rgw.caFile } as const;
      for (const [endpoint, config] of [
        [rgw.tlsEndpoint, byPath],
        [service.url, virtual],
      ] as const) {
        await using store = testStore({ endpoint, bucket: bucket.name, credentials: new TestCredentials(rgw), config });
        const key = `default/snapshots/tls-${config.addressing}`;
        const body = randomBody(11 * MIB);
        await writeBody(store, { key, body });
        assert.ok((await readBody(store, key)).equals(body));
      }
      assert.match(proxy.targets[0] ?? "", new RegExp(`^${bucket.name}\\.localhost:`));
    });
  });
}
