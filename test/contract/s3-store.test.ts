import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { MIB, TestCredentials, testStore } from "../integration/s3-rig.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { objectStoreContract } from "./object-store.contract.ts";

for (const suite of ["trixie", "bookworm"] as const) {
  describe(`S3 store in RGW of ${suite}`, () => {
    let rgw: Rgw;
    let bucket: string;

    before(async () => {
      rgw = await startRgw({ suite, shared: suite === "trixie" });
      bucket = await rgw.createBucket();
    });

    after(async () => {
      await rgw?.[Symbol.asyncDispose]();
    });

    const makeStore = async () => {
      const config = { folder: `contract/${randomUUID()}`, partSize: 8 * MIB };
      const store = testStore({ endpoint: rgw.endpoint, bucket, credentials: new TestCredentials(rgw), config });
      return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
    };

    const register = (title: string, body: () => Promise<void>) => void test(title, body);
    objectStoreContract(suite, { makeStore, register, keepsMetadata: true, showsSmallUploads: false });
  });
}
