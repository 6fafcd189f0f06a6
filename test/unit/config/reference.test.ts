import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { CONFIG_KEYS, CONFIG_SECTIONS, environmentName, jsonSchema } from "../../../src/config/key-paths.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { Config } from "../../../src/config/schema.ts";
import { renderExample, renderReference } from "../../../tools/docs.ts";

const contentOf = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

function parsed(text: string) {
  return loadConfig({
    file: "config.yaml",
    environment: {},
    flags: {},
    hostname: "cp-1",
    exists: () => false,
    readFile: () => ({ text }),
  });
}

describe("Config", () => {
  for (const { path, description } of [...CONFIG_KEYS, ...CONFIG_SECTIONS]) {
    it(`says what ${path.join(".")} means`, () => assert.match(description, /^\S.{5,}[^.]$/));
  }

  it("is told by the JSON Schema whole, down to defaults and unknown keys", () => {
    const schema = JSON.stringify(jsonSchema());

    assert.match(schema, /"holdLimit":\{[^}]*"default":"2m"/);
    assert.match(schema, /"additionalProperties":false/);
  });
});

describe("config.example.yaml", () => {
  const defaults = { ...Config.parse({}), node: "cp-1" };

  it("is what `node tools/docs.ts` makes of the schema", () =>
    assert.equal(contentOf("config.example.yaml"), renderExample()));

  it("changes nothing as it is", () => assert.deepEqual(parsed(contentOf("config.example.yaml")).config, defaults));

  it("leaves the search for the etcd of this node on", () => {
    assert.equal(parsed(contentOf("config.example.yaml")).sourceOf(["etcd", "endpoints"]), "default");
  });

  it("holds every key with its default, each below a comment", () => {
    const text = contentOf("config.example.yaml");

    const { config, sourceOf } = parsed(text.replace(/^( *)#(\w+:)/gm, "$1$2"));

    assert.deepEqual(config, defaults);
    for (const { path } of CONFIG_KEYS) assert.match(sourceOf(path), /^config.yaml:\d+:\d+$/, path.join("."));
    assert.equal(text.match(/^ *# .+\n *#?\w+:/gm)?.length, CONFIG_KEYS.length + CONFIG_SECTIONS.length);
  });
});

describe("docs/configuration.md", () => {
  it("is what `node tools/docs.ts` makes of the schema", () => {
    assert.equal(contentOf("docs/configuration.md"), renderReference());
  });

  it("names every key and its variable", () => {
    const page = contentOf("docs/configuration.md");

    for (const { path } of CONFIG_KEYS) {
      assert.ok(page.includes(`| \`${path.join(".")}\` |`), path.join("."));
      assert.ok(page.includes(`\`${environmentName(path)}\``), path.join("."));
    }
  });
});
