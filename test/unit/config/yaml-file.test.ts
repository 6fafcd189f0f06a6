import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseYamlFile } from "../../../src/config/yaml-file.ts";
import { BackupError } from "../../../src/errors.ts";

describe("parseYamlFile()", () => {
  const refused: readonly (readonly [string, RegExp, RegExp?])[] = [
    ["cron: */5 * * * *", /^Cannot read f:1:11: something stands where nothing can$/, /quotes/],
    ["cron: @daily", /^Cannot read f:1:7: .*@$/, /quotes/],
    ["a: *b", /^Cannot read f:1:4: no anchor of that name stands above$/, /quotes/],
    ["a: &x [*x]", /^Cannot read f:1:8: the anchor would hold itself$/],
    ["a: &x { b: { c: *x } }", /the anchor would hold itself$/],
    ["a: !secret b", /^Cannot read f:1:4: a tag/],
    ["a: 1\na: 2", /^Cannot read f:2:1: the key stands there twice$/],
    ["a: 1\n---\nb: 2", /^Cannot read f:2:1: the file holds more than one document/],
    ["a:\n\tb: 1", /^Cannot read f:2:1: Tabs/],
    ["a: [1, 2", /^Cannot read f:1:9: /],
    ["a: 'x", /^Cannot read f:1:6: Missing closing/],
    ["a: \uFFFD", /^Cannot read f:1:4: the file is not UTF-8$/],
    ["just words", /holds no keys and values$/],
    [
      `a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [${Array(10).fill("*a")}]\nc: &c [${Array(10).fill("*b")}]\nd: [${Array(9).fill("*c")}]`,
      /its aliases expand/,
    ],
  ];
  for (const [text, message, hint = /./] of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))} with its place`, () => {
      assert.throws(
        () => parseYamlFile("f", text),
        (error) => {
          assert.ok(error instanceof BackupError && error.code === "CONFIG_INVALID");
          assert.match(error.message, message);
          assert.match(error.hint ?? "", hint);
          return true;
        },
      );
    });
  }

  it("never repeats what stands in the file", () => {
    for (const text of [
      "hunter2 x\nb: 2",
      "a: 'x' hunter2",
      "a: {b: hunter2\nc: 1",
      "a: hunter2: x",
      "a: *hunter2",
      "a: !hunter2 x",
    ]) {
      assert.throws(
        () => parseYamlFile("f", text),
        (error) => error instanceof BackupError && !`${error.message}${error.hint}`.includes("hunter2"),
      );
    }
  });
});
