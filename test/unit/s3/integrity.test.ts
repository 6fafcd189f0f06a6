import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Config } from "../../../src/config/schema.ts";
import { digestsOf, Integrity } from "../../../src/s3/integrity.ts";

const integrity = (checksum: "auto" | "crc" | "md5" | "none", isTls: boolean, lock = ""): Integrity => {
  const objectLock = lock === "" ? {} : { objectLock: { mode: lock, days: 1 } };
  return new Integrity(Config.parse({ s3: { checksum, ...objectLock } }).s3, isTls);
};

describe("Integrity", () => {
  it("signs the body until the service has refused a wrong checksum", () => {
    const auto = integrity("auto", true);
    assert.deepEqual([auto.declaresCrc, auto.needsProbe], [true, true]);
    assert.deepEqual(auto.forPart(), { crc: false, md5: false, unsigned: false });
    auto.probed(true);
    assert.deepEqual(auto.forPart(), { crc: true, md5: false, unsigned: true });
  });

  it("signs the body for good where a wrong checksum was taken", () => {
    const auto = integrity("auto", true);
    auto.probed(false);
    assert.deepEqual([auto.declaresCrc, auto.needsProbe], [false, false]);
    assert.deepEqual(auto.forPart(), { crc: false, md5: false, unsigned: false });
    const crc = integrity("crc", true);
    crc.probed(false);
    assert.deepEqual(crc.forPart(), { crc: true, md5: false, unsigned: false });
  });

  it("never leaves the body unsigned over plain http, or without a checksum", () => {
    for (const mode of ["auto", "crc", "md5", "none"] as const) {
      const plain = integrity(mode, false);
      plain.probed(true);
      assert.equal(plain.forPart().unsigned, false, mode);
    }
    for (const mode of ["md5", "none"] as const) {
      const secure = integrity(mode, true);
      secure.probed(true);
      assert.equal(secure.forPart().unsigned, false, mode);
    }
  });

  it("adds Content-MD5 where object lock is configured or the bucket demands it", () => {
    assert.equal(integrity("auto", true, "COMPLIANCE").forPart().md5, true);
    const none = integrity("none", true);
    assert.equal(none.forPart().md5, false);
    none.demandMd5();
    assert.equal(none.forPart().md5, true);
  });
});

it("digestsOf() computes what S3 compares with", () => {
  const body = Buffer.from("123456789");
  const digests = digestsOf(body, { crc: true, md5: true, unsigned: false });
  assert.equal(digests.payloadHash, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
  assert.deepEqual(digests.fields, { ContentMD5: "JfnnlDI7RTiF9RgfG2JNCw==", ChecksumCRC32: "y/Q5Jg==" });
  assert.equal(digestsOf(body, { crc: false, md5: false, unsigned: true }).payloadHash, "UNSIGNED-PAYLOAD");
});
