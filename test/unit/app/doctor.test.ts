import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isUnitInstalled, needsHome } from "../../../src/app/doctor.ts";
import { Config } from "../../../src/config/schema.ts";

describe("needsHome()", () => {
  const keys = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "s" };
  const table: readonly (readonly [boolean, object, Record<string, string>])[] = [
    [true, { bucket: "my-bucket" }, {}],
    [true, { bucket: "my-bucket" }, { HOME: "/root" }],
    [true, { bucket: "my-bucket", profile: "p" }, keys],
    [true, { bucket: "my-bucket" }, { AWS_PROFILE: "p" }],
    [false, {}, {}],
    [false, { bucket: "my-bucket" }, keys],
    [false, { bucket: "my-bucket", accessKeyId: "a", secretAccessKey: "s" }, {}],
    [false, { bucket: "my-bucket", credentialsFile: "/c" }, {}],
    [false, { bucket: "my-bucket" }, { AWS_SHARED_CREDENTIALS_FILE: "/c" }],
    [false, { bucket: "my-bucket" }, { AWS_WEB_IDENTITY_TOKEN_FILE: "/t" }],
  ];
  for (const [needs, s3, environment] of table) {
    it(`is ${needs} for ${JSON.stringify(s3)} and ${JSON.stringify(environment)}`, () => {
      assert.equal(needsHome(Config.parse({ s3 }), environment), needs);
    });
  }
});

describe("isUnitInstalled()", () => {
  it("looks where units are installed", () => {
    assert.ok(isUnitInstalled((path) => path === "/usr/lib/systemd/system/etcd-ark.service"));
    assert.ok(!isUnitInstalled(() => false));
  });
});
