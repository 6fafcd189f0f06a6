import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createAuthority } from "../support/certificates.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { reservePort } from "../support/ports.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { fill } from "./big-etcd.ts";
import { assertFails, CLUSTER, type Failure, type Scene, type Settings, setScene } from "./scene.ts";

/** Longer than that, and an operator believes that a command hangs. */
const PATIENCE_MS = 45_000;

interface Row {
  readonly name: string;
  readonly s3: (place: Place) => Settings | Promise<Settings>;
  readonly failure: Failure;
}

interface Place {
  readonly etcd: EtcdCluster;
  readonly rgw: Rgw;
}

const refused = { exit: 13, code: "STORE_REFUSED" } as const;
const unavailable = { exit: 13, code: "STORE_UNAVAILABLE" } as const;

const wrongSettings: readonly Row[] = [
  {
    name: "a bucket that does not exist",
    s3: () => ({ bucket: "no-such-bucket" }),
    failure: { ...refused, says: /bucket "no-such-bucket" does not exist at "http/, hint: /Create it .*s3\.bucket/ },
  },
  {
    name: "a bucket of somebody else",
    s3: async ({ rgw }) => ({ bucket: await rgw.createBucket({}, await rgw.createUser()) }),
    failure: { ...refused, says: /access denied to access key "…\w{4}"/, hint: /Allow "s3:\w+" on bucket "ark-/ },
  },
  {
    name: "a certificate of an unknown authority",
    s3: ({ rgw }) => ({ endpoint: rgw.tlsEndpoint }),
    failure: { ...refused, says: /certificate of "https:.*is not trusted/, hint: /Set s3\.endpointCA/ },
  },
  {
    name: "another authority than the certificate's",
    s3: ({ rgw }) => ({
      endpoint: rgw.tlsEndpoint,
      endpointCA: Buffer.from(createAuthority().cert).toString("base64"),
    }),
    failure: { ...refused, says: /certificate of "https:.*is not trusted/, hint: /Set s3\.endpointCA/ },
  },
  {
    name: "https to a service without TLS",
    s3: ({ rgw }) => ({ endpoint: rgw.endpoint.replace("http:", "https:") }),
    failure: { ...refused, says: /does not speak TLS/, hint: /"http:\/\/"/ },
  },
  {
    name: "a server that is not S3",
    s3: ({ etcd }) => ({ endpoint: etcd.endpoints[0] }),
    failure: { ...refused, says: /does not answer as S3 does/, hint: /s3\.endpoint/ },
  },
  {
    name: "a port on which nothing listens",
    s3: async () => ({ endpoint: `http://127.0.0.1:${await reservePort()}` }),
    failure: { ...unavailable, says: /no connection to "http.*ECONNREFUSED/, hint: /s3\.endpoint/ },
  },
];

describe("save with S3 set up wrongly", { concurrency: 2 }, () => {
  let place: Place;

  before(async () => {
    place = { etcd: await startEtcd({ shared: true }), rgw: await startRgw({ shared: true }) };
  });

  after(async () => {
    await place?.rgw[Symbol.asyncDispose]();
    await place?.etcd[Symbol.asyncDispose]();
  });

  for (const { name, s3, failure } of wrongSettings) {
    it(`${name} is ${failure.exit}, said with a hint and soon`, async () => {
      await using scene = await setScene(place);
      await scene.configure({ s3: await s3(place) });
      const elapsed = stopwatch();
      assertFails(await scene.ark(["save"]), failure);
      assert.ok(elapsed() < PATIENCE_MS, `it took ${elapsed()} ms`);
      assert.deepEqual(await scene.bucket.keys(), []);
    });
  }

  it("a service that takes connections and never answers is given up after one time-out", async () => {
    await using proxy = await startFaultProxy(place.rgw.endpoint);
    proxy.stall();
    await using scene = await setScene({ ...place, s3Endpoint: proxy.url, config: { s3: { stallTimeout: "4s" } } });
    const elapsed = stopwatch();
    const result = await scene.ark(["save"]);
    assertFails(result, { ...unavailable, says: /no byte moved for 4 s/, hint: /s3\.stallTimeout/ });
    assert.ok(elapsed() < 8_000, `it took ${elapsed()} ms`);
  });

  it("a clock that is off is told by how much", async () => {
    await using proxy = await startFaultProxy(place.rgw.endpoint, { http: true });
    await using scene = await setScene({ ...place, s3Endpoint: proxy.url });
    // biome-ignore lint/plugin: the service's clock is the real one, 20 minutes on
    const date = new Date(Date.now() + 20 * 60_000).toUTCString();
    proxy.inject({ times: 99, do: { answer: 403, code: "RequestTimeTooSkewed", headers: { date } } });
    const result = await scene.ark(["save"]);
    assertFails(result, {
      ...refused,
      says: /differs from the service's by 1[12]\d\d s \(it is behind\)/,
      hint: /ntp/,
    });
  });

  it("a wrong region is told with the right one", async () => {
    await using proxy = await startFaultProxy(place.rgw.endpoint, { http: true });
    await using scene = await setScene({ ...place, s3Endpoint: proxy.url });
    const headers = { "x-amz-bucket-region": "eu-central-1" };
    proxy.inject({ times: 99, do: { answer: 301, code: "PermanentRedirect", headers } });
    const result = await scene.ark(["save"]);
    assertFails(result, { ...refused, says: /is not in region/, hint: /Set s3\.region to "eu-central-1"/ });
  });
});

describe("save through S3 that fails", { concurrency: 2 }, () => {
  let place: Place;

  before(async () => {
    const etcd = await startEtcd();
    await fill(etcd, 18);
    place = { etcd, rgw: await startRgw({ shared: true }) };
  });

  after(async () => {
    await place?.rgw[Symbol.asyncDispose]();
    await place?.etcd[Symbol.asyncDispose]();
  });

  const withProxy = async (test: (scene: Scene, proxy: FaultProxy) => Promise<void>): Promise<void> => {
    await using proxy = await startFaultProxy(place.rgw.endpoint, { http: true });
    await using scene = await setScene({ ...place, s3Endpoint: proxy.url });
    await test(scene, proxy);
  };

  /** One snapshot, whole, and nothing beside it. */
  const assertStored = async (scene: Scene): Promise<void> => {
    const { name, key, sha256, snapshotSize } = await scene.save();
    const stored = await scene.bucket.get(key);
    assert.equal(stored.length, snapshotSize);
    assert.equal(stored.subarray(-32).toString("hex"), sha256);
    assert.deepEqual(await scene.left(), [`${CLUSTER}/manifests/${name}.json`, key]);
  };

  it("survives a storm of SlowDown", () =>
    withProxy(async (scene, proxy) => {
      const storm = proxy.inject({
        match: { operation: "UploadPart" },
        times: 8,
        do: { answer: 503, code: "SlowDown" },
      });
      await assertStored(scene);
      assert.equal(storm.struck, 8);
    }));

  it("survives resets inside and between parts", () =>
    withProxy(async (scene, proxy) => {
      const resets = [1, 2].map(() => proxy.inject({ match: { operation: "UploadPart" }, do: { drop: "after" } }));
      proxy.sever({ direction: "up", afterBytes: 7_000_000 });
      await assertStored(scene);
      assert.deepEqual(
        resets.map(({ struck }) => struck),
        [1, 1],
      );
      const unanswered = proxy.requests.filter(({ operation, status }) => operation === "UploadPart" && !status);
      assert.ok(unanswered.length >= 2, "two were reset after the part");
      // The link is cut by the byte that comes after so many, whichever request it is of.
      assert.ok(proxy.bytes.up > 7_000_000, "the link was not severed");
    }));

  it("survives 500 on complete without an object", () =>
    withProxy(async (scene, proxy) => {
      const match = { operation: "CompleteMultipartUpload" };
      proxy.inject({ match, times: 2, do: { answer: 500, code: "InternalError" } });
      await assertStored(scene);
      assert.equal(proxy.requests.filter(({ operation }) => operation === match.operation).length, 3);
    }));

  it("survives a complete whose answer is lost, with the object made", () =>
    withProxy(async (scene, proxy) => {
      const lost = proxy.inject({ match: { operation: "CompleteMultipartUpload" }, do: { drop: "after" } });
      await assertStored(scene);
      assert.equal(lost.struck, 1);
    }));

  it("takes 412 on its own manifest, written again, for the success that it is", () =>
    withProxy(async (scene, proxy) => {
      const path = /\/manifests\//;
      proxy.inject({ match: { operation: "PutObject", path }, do: { drop: "after" } });
      await assertStored(scene);
      const writes = proxy.requests.filter((request) => request.method === "PUT" && path.test(request.path));
      assert.equal(writes.at(-1)?.status, 412);
    }));

  for (const [operation, status, code, failure] of [
    [
      "UploadPart",
      507,
      "QuotaExceeded",
      { exit: 13, code: "STORE_FULL", says: /no room left/, hint: /etcd-ark prune/ },
    ],
    ["CompleteMultipartUpload", 400, "InvalidPart", { ...refused, says: /InvalidPart/, hint: /which of s3\.checksum/ }],
  ] as const) {
    it(`leaves no object, upload or manifest when ${operation} is refused`, () =>
      withProxy(async (scene, proxy) => {
        proxy.inject({ match: { operation }, times: 99, do: { answer: status, code } });
        assertFails(await scene.ark(["save"]), failure);
        // The intent may stay: it is how the daemon would find what became of the object.
        const left = (await scene.left()).filter((key) => !key.startsWith(`${CLUSTER}/runs/`));
        assert.deepEqual(left, []);
      }));
  }

  it("leaves no manifest when the object is not there after all", () =>
    withProxy(async (scene, proxy) => {
      const match = { operation: "HeadObject", path: /\/snapshots\// };
      proxy.inject({ match, times: 99, do: { answer: 404 } });
      assert.equal((await scene.ark(["save"])).code, 13);
      assert.deepEqual(await scene.bucket.keys(`${CLUSTER}/manifests/`), []);
    }));
});

/** Milliseconds since it was made. */
function stopwatch(): () => number {
  const start = process.uptime();
  return () => Math.round((process.uptime() - start) * 1000);
}
