import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { loadConfig } from "../../../src/config/load.ts";
import { printConfig } from "../../../src/config/print.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../../src/config/units.ts";

function load(text: string) {
  return loadConfig({
    file: "x.yaml",
    environment: { ETCD_ARK_S3_REGION: "eu-west-1" },
    flags: {},
    hostname: "cp-1",
    exists: () => false,
    readFile: () => ({ text }),
  });
}

describe("printConfig()", () => {
  const text = "compression: zstd:3\ns3: { bucket: b, partSize: 16MiB, tags: { a: b } }\nschedule: { jitter: 90s }\n";

  it("prints what could be a file of the same meaning", () => {
    const loaded = load(text);

    const printed = printConfig(loaded);

    assert.match(printed, /partSize: 16MiB/);
    assert.match(printed, /jitter: 1m30s/);
    assert.deepEqual(load(printed).config, loaded.config);
  });

  it("says where each value comes from that is no default", () => {
    const lines = printConfig(load(text))
      .split("\n")
      .filter((line) => line.startsWith("#"));

    assert.deepEqual(lines, [
      "# file: x.yaml",
      "# s3.bucket: x.yaml:2:15",
      "# s3.region: ETCD_ARK_S3_REGION",
      "# s3.tags: x.yaml:2:41",
      "# s3.partSize: x.yaml:2:28",
      "# schedule.jitter: x.yaml:3:21",
      "# compression: x.yaml:1:14",
    ]);
  });

  it("masks every secret, a password in a proxy's URL included", () => {
    const secrets = `
s3: { accessKeyId: hunter2, secretAccessKey: hunter2, sessionToken: hunter2, proxy: "http://u:hunter2@p" }
etcd: { auth: { username: root, password: hunter2 } }`;

    assert.doesNotMatch(printConfig(load(secrets)), /hunter2/);
    assert.doesNotMatch(printConfig(load("s3: { proxy: 'http:u:hunter2@p' }")), /hunter2/);
  });

  it('prints a path with an "@" in it whole', () => {
    const path = "/home/me@example.com/.aws/credentials";

    assert.ok(printConfig(load(`s3: { credentialsFile: ${path} }`)).includes(`credentialsFile: ${path}\n`));
  });
});

describe("formatDuration() and formatSize()", () => {
  it("write what is read back as the same", () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 50 }), (amount) => {
        assert.equal(parseDuration(formatDuration(amount)), amount);
        assert.equal(parseSize(formatSize(amount)), amount);
      }),
    );
  });
});

describe("parseDuration() and parseSize()", () => {
  it("refuse what is no amount, or too large to count with", () => {
    for (const text of ["", "5", "-1s", "1 m", "1y", "9".repeat(30).concat("d")])
      assert.equal(parseDuration(text), undefined, text);
    for (const text of ["", "8MB", "-1", "1e3", "9".repeat(30)]) assert.equal(parseSize(text), undefined, text);
    assert.equal(parseDuration("1h30m"), 5_400_000);
    assert.equal(parseSize("1.5GiB"), 1.5 * 2 ** 30);
  });
});
