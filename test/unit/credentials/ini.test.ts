import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIni } from "../../../src/credentials/ini.ts";

function plain(text: string) {
  const { sections, problem } = parseIni(text);
  return {
    sections: sections.map(({ name, line, entries }) => ({
      name,
      line,
      entries: Object.fromEntries([...entries].map(([key, { value }]) => [key, value])),
    })),
    problem,
  };
}

test("parseIni() reads sections and keys with their lines when comments and blank lines stand between", () => {
  const text = [
    "# made by hand",
    "[default] ; the usual one",
    "AWS_Access_Key_Id = AKIA1",
    "  aws_secret_access_key=a/b+c=d#e ; the secret",
    "",
    "[ profile  two ]\r",
    "region = eu-central-1\r",
  ].join("\n");

  assert.deepEqual(plain(text), {
    sections: [
      { name: "default", line: 2, entries: { aws_access_key_id: "AKIA1", aws_secret_access_key: "a/b+c=d#e" } },
      { name: "profile two", line: 6, entries: { region: "eu-central-1" } },
    ],
    problem: undefined,
  });
});

test("parseIni() passes over a nested block when a key has no value of its own", () => {
  const text = "[default]\ns3 =\n  max_concurrent_requests = 20\n\taws_access_key_id = no\nregion = x\n";

  assert.deepEqual(plain(text).sections[0]?.entries, { s3: "", region: "x" });
});

test("parseIni() keeps both sections when two have one name", () => {
  assert.deepEqual(
    parseIni("[a]\nk = 1\n[a]\nk = 2\n").sections.map((section) => section.line),
    [1, 3],
  );
});

test("parseIni() remembers the earlier line when a key appears twice", () => {
  assert.deepEqual(parseIni("[a]\nk = 1\nk = 2\n").sections[0]?.entries.get("k"), { value: "2", line: 3, repeats: 2 });
});

for (const { name, text, line, reason } of [
  { name: "a line has no equals sign", text: "[a]\nk = 1\nhunter2\n", line: 3, reason: /neither a section/ },
  { name: "a line has no key", text: "[a]\n= hunter2\n", line: 2, reason: /neither a section/ },
  { name: "a key stands before any section", text: "k = hunter2\n", line: 1, reason: /before the first section/ },
  { name: "a bracket is missing", text: "[hunter2\n", line: 1, reason: /between brackets/ },
  { name: "a section has no name", text: "[ ]\n", line: 1, reason: /between brackets/ },
]) {
  test(`parseIni() names the line and quotes nothing of it when ${name}`, () => {
    const { problem } = parseIni(text);

    assert.equal(problem?.line, line);
    assert.match(problem?.reason ?? "", reason);
    assert.doesNotMatch(problem?.reason ?? "", /hunter2/);
  });
}

test("parseIni() finds nothing and no problem when the text is empty", () => {
  assert.deepEqual(plain(""), { sections: [], problem: undefined });
  assert.deepEqual(plain("\uFEFF# only this\n"), { sections: [], problem: undefined });
});
