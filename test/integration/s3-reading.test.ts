import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { isBackupError } from "../../src/errors.ts";
import type { ObjectStore } from "../../src/ports/object-store.ts";
import { type TestBucket, testBucket } from "../support/aws.ts";
import { eventually } from "../support/eventually.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { fastClock, MIB, never, randomBody, readBody, TestCredentials, testStore } from "./s3-rig.ts";

for (const suite of ["trixie", "bookworm"] as const) {
  describe(`reading whole objects from RGW of ${suite}`, () => {
    let rgw: Rgw;
    let bucket: TestBucket;
    let proxy: FaultProxy;
    let store: ObjectStore;
    let count = 0;
    let key = "";

    before(async () => {
      rgw = await startRgw({ suite, shared: suite === "trixie" });
      bucket = testBucket(await rgw.createBucket(), rgw, rgw);
    });

    after(async () => {
      bucket?.[Symbol.dispose]();
      await rgw?.[Symbol.asyncDispose]();
    });

    beforeEach(async () => {
      proxy = await startFaultProxy(rgw.endpoint, { http: true });
      store = openStore();
      key = `default/snapshots/read-${++count}`;
    });

    afterEach(async () => {
      await store[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    });

    const openStore = (more: Partial<Parameters<typeof testStore>[0]> = {}): ObjectStore =>
      testStore({ endpoint: proxy.url, bucket: bucket.name, credentials: new TestCredentials(rgw), ...more });

    const put = async (size: number): Promise<Buffer> => {
      const body = randomBody(size);
      await bucket.put(`etcd/backups/${key}`, body);
      return body;
    };

    const ranges = (): string[] =>
      proxy.requests
        .filter(({ operation }) => operation === "GetObject")
        .map(({ headers }) => String(headers.range).replace("bytes=", ""));

    const rangeOf =
      (start: number) =>
      ({ headers }: { headers: { range?: string | undefined } }): boolean =>
        headers.range?.startsWith(`bytes=${start * MIB}-`) === true;

    for (const size of [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 50 * MIB + 7]) {
      it(`gives ${size} bytes in order, by as few requests as there are ranges`, async () => {
        const body = await put(size);

        assert.ok((await readBody(store, key)).equals(body));

        assert.equal(ranges().length, Math.max(1, Math.ceil(size / (8 * MIB))));
      });
    }

    it("has s3.concurrency ranges under way, and one more loaded at most while nobody takes them", async () => {
      await put(80 * MIB);
      const reading = store.read(key, undefined, never)[Symbol.asyncIterator]();

      await reading.next();
      await eventually(() => ranges().length === 5);
      await eventually(() => proxy.requests.every(({ status }) => status === 206));

      assert.equal(ranges().length, 5);
      await reading.return?.();
    });

    it("takes a range up where its connection was cut, as long as bytes keep coming", async () => {
      const body = await put(20 * MIB);
      for (let times = 0; times < 12; times++) {
        proxy.inject({
          match: { when: ({ headers }) => headers.range?.endsWith(`-${16 * MIB - 1}`) === true },
          do: { cutResponseAfter: MIB / 2 },
        });
      }

      assert.ok((await readBody(store, key)).equals(body));

      const second = ranges().filter((range) => range.endsWith(`-${16 * MIB - 1}`));
      assert.equal(second.length, 13, "more than the ten attempts that a request has");
      assert.equal(new Set(second).size, 13, "each begins further on");
    });

    it("gives up a range of which nothing comes, and says that the connection broke off", async () => {
      await put(20 * MIB);
      proxy.inject({ match: { when: rangeOf(8) }, times: 99, do: { cutResponseAfter: 0 } });

      await assert.rejects(readBody(store, key), { code: "STORE_UNAVAILABLE", message: /broke off/ });

      assert.equal(ranges().filter((range) => range.startsWith(`${8 * MIB}-`)).length, 10);
    });

    it("drops a range that stalls, and reads it again", async () => {
      await using patient = openStore({ config: { stallTimeout: 10_000 } });
      const body = await put(20 * MIB);
      const forever = Promise.withResolvers<void>().promise;
      const fault = proxy.inject({ match: { when: rangeOf(8) }, do: { hold: forever } });

      assert.ok((await readBody(patient, key)).equals(body));

      assert.equal(fault.struck, 1);
    });

    it("bears SlowDown for some of the ranges", async () => {
      const body = await put(40 * MIB);
      proxy.inject({ match: { operation: "GetObject" }, times: 6, do: { answer: 503, code: "SlowDown" } });

      assert.ok((await readBody(store, key)).equals(body));
    });

    it("goes on under another key when the one in use is revoked", async () => {
      const user = await rgw.createUser();
      const name = await rgw.createBucket({}, user);
      using own = testBucket(name, rgw, user);
      const body = randomBody(60 * MIB);
      await own.put(`etcd/backups/${key}`, body);
      const credentials = new TestCredentials(user);
      await using rotating = openStore({ bucket: name, credentials });
      const chunks: Uint8Array[] = [];
      for await (const chunk of rotating.read(key, undefined, never)) {
        if (chunks.push(chunk) > 1) continue;
        await rgw.removeKey(user.accessKeyId);
        await eventually(() =>
          own.keys("none").then(
            () => false,
            () => true,
          ),
        );
        setTimeout(async () => credentials.set(await rgw.addKey(user.uid)), 300);
      }

      assert.ok(Buffer.concat(chunks).equals(body));

      assert.equal(credentials.rejections.length, 1, "asked once for all ranges under way");
    });

    it("notices an object that was replaced between two ranges, and by one of the same size", async () => {
      await put(80 * MIB);
      const reading = async (): Promise<void> => {
        let isFirst = true;
        for await (const _ of store.read(key, undefined, never)) {
          if (isFirst) await put(80 * MIB);
          isFirst = false;
        }
      };

      await assert.rejects(reading, (error) => isBackupError(error, "STORE_CONFLICT"));
    });

    it("notices an object that was replaced while its only range was cut", async () => {
      await put(2 * MIB);
      const { promise, resolve } = Promise.withResolvers<void>();
      proxy.inject({ match: { operation: "GetObject" }, do: { cutResponseAfter: MIB } });
      const again = proxy.inject({ match: { operation: "GetObject" }, do: { hold: promise } });
      const reading = readBody(store, key);
      reading.catch(() => undefined);
      await eventually(() => again.struck === 1);
      await put(2 * MIB);
      resolve();

      await assert.rejects(reading, (error) => isBackupError(error, "STORE_CONFLICT"));
    });

    it("reads as one stream where ranges are ignored", async () => {
      const body = await put(20 * MIB);
      proxy.inject({ match: { operation: "GetObject" }, do: { answer: 200, body: "x".repeat(20 * MIB) } });

      assert.ok((await readBody(store, key)).equals(body));

      assert.deepEqual(ranges(), [`0-${8 * MIB - 1}`, "undefined"]);
    });

    it("says that ranges are ignored when only a later one is", async () => {
      await put(20 * MIB);
      proxy.inject({ match: { when: rangeOf(8) }, do: { answer: 200, body: "x".repeat(MIB) } });

      await assert.rejects(readBody(store, key), (error) => isBackupError(error, "STORE_REFUSED"));
    });

    it("aborts what is under way when its reader stops", async () => {
      await put(80 * MIB);
      const forever = Promise.withResolvers<void>().promise;
      const held = proxy.inject({ match: { when: rangeOf(16) }, do: { hold: forever } });
      for await (const _ of store.read(key, undefined, never)) {
        await eventually(() => held.struck === 1);
        break;
      }

      await eventually(() => proxy.connections.open <= 4);
      assert.ok((await readBody(store, key)).length === 80 * MIB);
    });

    it("says SNAPSHOT_NOT_FOUND of none", async () => {
      await assert.rejects(readBody(store, "default/none"), { code: "SNAPSHOT_NOT_FOUND", hint: /etcd-ark list/ });
    });

    it("keeps to the bandwidth", async () => {
      const clock = fastClock(1);
      await using capped = openStore({ clock, config: { bandwidth: 8 * MIB } });
      const body = await put(12 * MIB);
      const start = clock.monotonic();

      assert.ok((await readBody(capped, key)).equals(body));

      assert.ok(clock.monotonic() - start > 1300);
    });

    it("fills pieces again that come back, and no others", async () => {
      const body = await put(60 * MIB);
      const seen = new Set<Uint8Array>();
      let at = 0;
      for await (const chunk of store.read(key, undefined, never)) {
        assert.ok(body.subarray(at, at + chunk.length).equals(chunk));
        at += chunk.length;
        seen.add(chunk);
        store.recycle?.(chunk);
      }

      assert.ok(seen.size < 48, `${seen.size} pieces for 60`);
    });
  });
}
