import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ConfigurationFacts, checkConfiguration } from "../../../src/doctor/check-configuration.ts";
import { hintOf, rowsOf } from "./fakes.ts";

const facts: ConfigurationFacts = {
  file: "/etc/etcd-ark/config.yaml",
  detected: undefined,
  envFiles: [],
  envWarnings: [],
  home: "/root",
  homeFile: undefined,
  needsHome: true,
  isBesideService: false,
  stores: ["s3://b/"],
};
const rows = (given: Partial<ConfigurationFacts>) => rowsOf(checkConfiguration({ ...facts, ...given }));

describe("checkConfiguration()", () => {
  const homes: readonly (readonly [string, Partial<ConfigurationFacts>, RegExp])[] = [
    ["names the env file", { homeFile: "/etc/default/etcd-ark" }, /^pass: HOME=\/root from \/etc\/default\/etcd-ark$/],
    ["names the environment", {}, /^pass: HOME=\/root from the environment$/],
    ["warns of a service without it", { isBesideService: true }, /^warn: HOME=\/root is this shell's/],
    ["leaves that when nothing needs it", { isBesideService: true, needsHome: false }, /^pass/],
    ["warns when it is unset", { home: undefined }, /^warn: HOME is unset/],
    ["takes an empty one for none", { home: "" }, /^warn: HOME is unset/],
    ["leaves that when nothing needs it", { home: undefined, needsHome: false }, /^pass: unset/],
  ];
  for (const [what, given, says] of homes) {
    it(`${what}: HOME with ${JSON.stringify(given)}`, () => assert.match(rows(given)["HOME"] ?? "", says));
  }

  it("tells which env file to edit when HOME is unset", () => {
    assert.match(hintOf(checkConfiguration({ ...facts, home: undefined }), "HOME"), /etcd-ark\.service\.env/);
  });

  it("shows what systemd would ignore in env files as a warning", () => {
    assert.equal(rows({ envFiles: ["/e"] })["env file"], "pass: /e");
    assert.equal(rows({ envFiles: ["/e"], envWarnings: ["/e:1: odd"] })["env file"], "warn: /e:1: odd");
  });

  it("names the file, the distribution and the stores", () => {
    const row = rows({ detected: "k3s", stores: ["s3://b/", "/d"] })["file"];
    assert.equal(row, "pass: /etc/etcd-ark/config.yaml; the etcd of k3s on this node; to s3://b/ and /d");
    assert.match(rows({ file: undefined })["file"] ?? "", /no file/);
  });
});
