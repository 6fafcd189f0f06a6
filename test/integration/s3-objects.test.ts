import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  GetObjectRetentionCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectRetentionCommand,
} from "@aws-sdk/client-s3";
import { systemClock } from "../../src/app/system-clock.ts";
import { isBackupError } from "../../src/errors.ts";
import { type TestBucket, testBucket } from "../support/aws.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { MIB, metadata, never, randomBody, readBody, TestCredentials, testStore, writeBody } from "./s3-rig.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

for (const suite of ["trixie", "bookworm"] as const) {
  describe(`objects in RGW of ${suite}`, () => {
    let rgw: Rgw;
    let bucket: TestBucket;

    before(async () => {
      rgw = await startRgw({ suite, shared: suite === "trixie" });
      bucket = testBucket(await rgw.createBucket(), rgw, rgw);
    });

    after(async () => {
      bucket?.[Symbol.dispose]();
      await rgw?.[Symbol.asyncDispose]();
    });

    const open = (folder = "etcd/backups", name = bucket.name) =>
      testStore({ endpoint: rgw.endpoint, bucket: name, credentials: new TestCredentials(rgw), config: { folder } });

    it("create() writes once, takes the same bytes again and refuses others", async () => {
      await using store = open();
      const first = await store.create("c/cluster.json", bytes("{}"), never);
      assert.equal(first.outcome, "created");
      assert.equal(first.object.size, 2);
      assert.ok(Math.abs(first.object.storedAt - systemClock.now()) < 60_000);
      assert.equal((await store.create("c/cluster.json", bytes("{}"), never)).outcome, "identical");
      const other = store.create("c/cluster.json", bytes("{ }"), never);
      await assert.rejects(other, (error) => isBackupError(error, "STORE_CONFLICT"));
      assert.equal(String(await bucket.get("etcd/backups/c/cluster.json")), "{}");
    });

    it("create() has exactly one winner among eight writers", async () => {
      await using store = open();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, writer) => store.create("c/race.json", bytes(`writer ${writer}`), never)),
      );
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    });

    it("replace() writes over what is there", async () => {
      await using store = open();
      await store.replace("c/RUNBOOK.txt", bytes("one"), never);
      await store.replace("c/RUNBOOK.txt", bytes("three"), never);
      assert.deepEqual(await store.get("c/RUNBOOK.txt", never), new Uint8Array(bytes("three")));
    });

    it("get() and head() give undefined for what is not there", async () => {
      await using store = open();
      assert.equal(await store.get("c/none", never), undefined);
      assert.equal(await store.head("c/none", never), undefined);
    });

    it("read() gives whole objects and ranges, and SNAPSHOT_NOT_FOUND for none", async () => {
      await using store = open();
      const body = randomBody(3 * MIB);
      await bucket.put("etcd/backups/c/ranged", body);
      assert.ok((await readBody(store, "c/ranged")).equals(body));
      assert.ok((await readBody(store, "c/ranged", { start: 7, end: 70_007 })).equals(body.subarray(7, 70_008)));
      assert.ok((await readBody(store, "c/ranged", { start: 0, end: 0 })).equals(body.subarray(0, 1)));
      await assert.rejects(readBody(store, "c/none"), (error) => isBackupError(error, "SNAPSHOT_NOT_FOUND"));
    });

    it("list() pages through more than a thousand keys in order, foreign ones included", async () => {
      await using store = open("many");
      const foreign = ["l/a b+c%20é.json", "l/\u0001control", "l/zz"];
      const names = Array.from({ length: 1005 }, (_, index) => `l/k${String(index).padStart(4, "0")}`);
      const queue = [...foreign, ...names].values();
      const put = async (): Promise<void> => {
        for (const name of queue) await bucket.put(`many/${name}`, "x");
      };
      await Promise.all(Array.from({ length: 16 }, put));
      await bucket.put("many/other/x", "x");
      await bucket.put("manyfolds/l/x", "x");
      const keys = (await Array.fromAsync(store.list("l/", never))).map(({ key }) => key);
      assert.deepEqual(
        keys,
        [...foreign, ...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
      assert.deepEqual(await Array.fromAsync(store.listFolders("", never)), ["l", "other"]);
      assert.deepEqual(await Array.fromAsync(store.list("none/", never)), []);
    });

    it("url() and keys work without a folder", async () => {
      await using store = open("");
      await store.replace("top.json", bytes("x"), never);
      assert.equal(store.url("top.json"), `s3://${bucket.name}/top.json`);
      assert.deepEqual(await bucket.keys("top"), ["top.json"]);
    });

    it("delete() tells deleted from absent", async () => {
      await using store = open();
      await bucket.put("etcd/backups/c/old", "x");
      assert.equal(await store.delete("c/old", never), "deleted");
      assert.equal(await store.delete("c/old", never), "absent");
    });

    it("delete() says that a versioned bucket keeps the bytes", async () => {
      const versioned = await rgw.createBucket({ versioning: true });
      await using store = open("f", versioned);
      const written = await writeBody(store, { key: "c/snap", body: randomBody(6 * MIB) });
      assert.ok(written.versionId);
      assert.equal(await store.delete("c/snap", never), "versionKept");
      assert.equal(await store.delete("c/snap", never), "absent");
    });

    it("delete() tells what suspended versioning keeps from what it does not", async () => {
      const name = await rgw.createBucket({ versioning: true });
      using suspended = testBucket(name, rgw, rgw);
      await using store = open("f", name);
      await store.replace("c/versioned", bytes("x"), never);
      const VersioningConfiguration = { Status: "Suspended" } as const;
      await suspended.client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }));
      await store.replace("c/plain", bytes("x"), never);
      assert.equal(await store.delete("c/plain", never), "deleted");
      assert.equal(await store.delete("c/versioned", never), "versionKept");
    });

    it("delete() sees that a bucket was versioned after the object was written", async () => {
      const name = await rgw.createBucket();
      using later = testBucket(name, rgw, rgw);
      await using store = open("f", name);
      await store.replace("c/plain", bytes("x"), never);
      const VersioningConfiguration = { Status: "Enabled" } as const;
      await later.client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }));
      assert.equal(await store.delete("c/plain", never), "versionKept");
      assert.equal((await later.versions()).filter(({ deleteMarker }) => !deleteMarker).length, 1);
    });

    it("head() shows a lock, and delete() says that it holds", async () => {
      const name = await rgw.createBucket({ objectLock: true });
      using locked = testBucket(name, rgw, rgw);
      const until = new Date(systemClock.now() + 3_600_000);
      const Key = "f/c/held";
      await locked.client.send(new PutObjectCommand({ Bucket: name, Key, Body: "x" }));
      const Retention = { Mode: "GOVERNANCE", RetainUntilDate: until } as const;
      await locked.client.send(new PutObjectRetentionCommand({ Bucket: name, Key, Retention }));
      await using store = open("f", name);
      const head = await store.head("c/held", never);
      assert.equal(head?.lock?.mode, "GOVERNANCE");
      assert.ok(Math.abs((head?.lock?.until ?? 0) - until.getTime()) < 1000);
      assert.equal(await store.delete("c/held", never), "versionKept");
    });

    it("records are written into a bucket with object lock and default retention alike", async () => {
      const name = await rgw.createBucket({ objectLock: true });
      await using store = testStore({
        endpoint: rgw.endpoint,
        bucket: name,
        credentials: new TestCredentials(rgw),
        config: { folder: "", objectLock: { mode: "COMPLIANCE", days: 1 } },
      });
      await store.create("r.json", bytes("{}"), never);
      await store.replace("r.txt", bytes("x"), never);
      const written = await writeBody(store, { key: "snap", body: randomBody(6 * MIB) });
      using locked = testBucket(name, rgw, rgw);
      const held = await locked.client.send(
        new GetObjectRetentionCommand({ Bucket: name, Key: "snap", VersionId: written.versionId }),
      );
      assert.equal(held.Retention?.Mode, "COMPLIANCE");
      assert.equal((await store.head("r.json", never))?.lock, undefined);
    });

    it("listUnfinished() finds uploads that abandon() then ends", async () => {
      await using store = open();
      const writers = await Promise.all(
        ["c/snapshots/u1", "c/snapshots/u2"].map((key) => store.open(key, { expectedSize: 0, metadata }, never)),
      );
      const found = await Array.fromAsync(store.listUnfinished("c/snapshots/", never));
      assert.deepEqual(found.map(({ key }) => key).sort(), ["c/snapshots/u1", "c/snapshots/u2"]);
      assert.ok(found.every(({ startedAt }) => Math.abs(startedAt - systemClock.now()) < 60_000));
      for (const upload of found) {
        await store.abandon(upload, never);
        await store.abandon(upload, never);
      }
      assert.deepEqual(await bucket.uploads(), []);
      for (const writer of writers) await writer[Symbol.asyncDispose]();
    });
  });
}
