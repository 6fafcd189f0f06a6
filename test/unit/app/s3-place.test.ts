import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { endpointOf, regionOf } from "../../../src/app/s3-place.ts";
import { Config } from "../../../src/config/schema.ts";
import { tempDir } from "../../support/temp-dir.ts";

const s3 = (settings: Partial<Config["s3"]>) => ({ ...Config.parse({}).s3, ...settings });

/** Each row lacks what the row before it went by. */
const regions = [
  { source: "s3.region", config: { region: "of-s3" }, region: "of-s3" },
  { source: "AWS_REGION", environment: { AWS_REGION: "of-aws" }, region: "of-aws" },
  { source: "AWS_DEFAULT_REGION", environment: { AWS_DEFAULT_REGION: "of-default" }, region: "of-default" },
  { source: "the profile of the credentials file", credentials: "[default]\nregion = of-keys\n", region: "of-keys" },
  { source: "the profile of the config file", file: "[default]\nregion = of-file\n", region: "of-file" },
  { source: "nothing", region: "us-east-1" },
];

describe("regionOf()", () => {
  for (const [index, { source, region }] of regions.entries()) {
    it(`takes the region of ${source} before what is below it`, async () => {
      const { config, environment, files } = allOf(regions.slice(index));
      await using home = await homeWith(files);
      assert.equal(regionOf(s3(config), { HOME: home.path, ...environment }), region);
    });
  }

  const profiles = "[profile a]\nregion = of-a\n[profile b]\nregion = of-b\n";
  for (const [names, config, environment] of [
    ["s3.profile, above AWS_PROFILE", { profile: "a" }, { AWS_PROFILE: "b" }],
    ["AWS_PROFILE", {}, { AWS_PROFILE: "a" }],
  ] as const) {
    it(`takes the region of the profile that is named by ${names}`, async () => {
      await using home = await homeWith({ config: profiles });
      assert.equal(regionOf(s3(config), { HOME: home.path, ...environment }), "of-a");
    });
  }

  it("reads the files that are named, HOME or not", async () => {
    await using home = await homeWith({ credentials: "[default]\nregion = named\n" });
    const path = join(home.path, ".aws", "credentials");
    assert.equal(regionOf(s3({ credentialsFile: path }), {}), "named");
    assert.equal(regionOf(s3({}), { AWS_SHARED_CREDENTIALS_FILE: path }), "named");
  });

  for (const [what, text] of [
    ["no region", "[default]\naws_access_key_id = AKIA1\n"],
    ["another profile", "[other]\nregion = of-other\n"],
    ["what is no INI", "region = of-nothing"],
  ] as const) {
    it(`is us-east-1 when the file holds ${what}`, async () => {
      await using home = await homeWith({ credentials: text });
      assert.equal(regionOf(s3({}), { HOME: home.path }), "us-east-1");
    });
  }

  it("is us-east-1 when no file can be read", () => {
    assert.equal(regionOf(s3({}), {}), "us-east-1");
    assert.equal(regionOf(s3({}), { HOME: "/dev/null" }), "us-east-1");
  });
});

const endpoints = [
  { source: "s3.endpoint", config: { endpoint: "https://s3" }, endpoint: "https://s3" },
  { source: "AWS_ENDPOINT_URL_S3", environment: { AWS_ENDPOINT_URL_S3: "https://url-s3" }, endpoint: "https://url-s3" },
  { source: "AWS_ENDPOINT_URL", environment: { AWS_ENDPOINT_URL: "https://url" }, endpoint: "https://url" },
  { source: "nothing, which is AWS", endpoint: "" },
];

describe("endpointOf()", () => {
  for (const [index, { source, endpoint }] of endpoints.entries()) {
    it(`takes the endpoint of ${source} before what is below it`, () => {
      const { config, environment } = allOf(endpoints.slice(index));
      assert.equal(endpointOf(s3(config), environment), endpoint);
    });
  }

  it("takes an empty variable for one that is not set", () => {
    assert.equal(endpointOf(s3({}), { AWS_ENDPOINT_URL_S3: "", AWS_ENDPOINT_URL: "https://url" }), "https://url");
    assert.equal(regionOf(s3({}), { AWS_REGION: "", AWS_DEFAULT_REGION: "of-default" }), "of-default");
  });
});

interface Place {
  readonly config?: Partial<Config["s3"]>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly credentials?: string;
  readonly file?: string;
}

/** Everything that some rows set, at once. */
function allOf(rows: readonly Place[]) {
  return {
    config: Object.assign({}, ...rows.map(({ config }) => config)),
    environment: Object.assign({}, ...rows.map(({ environment }) => environment)),
    files: {
      credentials: rows.map(({ credentials = "" }) => credentials).join(""),
      config: rows.map(({ file = "" }) => file).join(""),
    },
  };
}

async function homeWith({ credentials = "", config = "" }: { credentials?: string; config?: string }) {
  const home = await tempDir();
  await mkdir(join(home.path, ".aws"));
  await writeFile(join(home.path, ".aws", "credentials"), credentials);
  await writeFile(join(home.path, ".aws", "config"), config);
  return home;
}
