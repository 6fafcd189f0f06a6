import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseEnvFile } from "../../../src/config/env-file.ts";
import { applyEnvFiles, type EnvFilesOptions } from "../../../src/config/env-files.ts";
import type { FileRead } from "../../../src/config/load.ts";
import { BackupError } from "../../../src/errors.ts";

describe("parseEnvFile()", () => {
  const table: readonly (readonly [string, Record<string, string>])[] = [
    ["HOME=/root", { HOME: "/root" }],
    ["HOME=/root\n", { HOME: "/root" }],
    ["HOME=/root\r\nA=b\r\n", { HOME: "/root", A: "b" }],
    ["  HOME = /root  ", { HOME: "/root" }],
    ["# HOME=/x\n; HOME=/y\nA=1", { A: "1" }],
    ["# goes on \\\nHOME=/x\nA=1", { A: "1" }],
    ['A="two words"', { A: "two words" }],
    ["A='two words'", { A: "two words" }],
    ["A=two words", { A: "two words" }],
    ['A="a\\"b\\$c\\n"', { A: 'a"b$c\\n' }],
    ["A='a\\b'", { A: "a\\b" }],
    ["A=a\\ b\\\\c", { A: "a b\\c" }],
    ["A=one\\\ntwo\nB=1", { A: "onetwo", B: "1" }],
    ['A="line\nbreak"', { A: "line\nbreak" }],
    ["A='x' y", { A: "xy" }],
    ["A=$HOME ${HOME}", { A: "$HOME ${HOME}" }],
    ["A=", { A: "" }],
    ["A=b=c#d", { A: "b=c#d" }],
    ["A=1\nA=2", { A: "2" }],
    ['A="x" # y', { A: "x# y" }],
    ["A=x\"y\" 'z'", { A: "x\"y\" 'z'" }],
    ["A='x'\"y\"z", { A: "xyz" }],
    ["A=x \\ \nB=1", { A: "x  ", B: "1" }],
    ["A=x\\", { A: "x" }],
    ['A="x\r\ny"', { A: "x\r\ny" }],
    ['A="x\\\ny"', { A: "xy" }],
    ["A=1\rB=2", { A: "1", B: "2" }],
    ['A="open\nB=2', { A: "open\nB=2" }],
    ["=x\nB=2", { B: "2" }],
    ["\uFEFFA=1\nB=2", { B: "2" }],
    ["A=\uFFFD\nB=2", {}],
    ["# \uFFFD\nB=2", { B: "2" }],
    ["A=1\n\0\nB=2", {}],
    ["A=é ü", { A: "é ü" }],
  ];
  for (const [text, expected] of table) {
    it(`reads ${JSON.stringify(text)} as systemd does`, () => {
      assert.deepEqual(Object.fromEntries(parseEnvFile(text).variables), expected);
    });
  }

  it("ignores what systemd ignores, and says where", () => {
    const { variables, warnings } = parseEnvFile("export HOME=/root\nnonsense\n1A=x\nOK=1");

    assert.deepEqual([...variables.keys()], ["OK"]);
    assert.deepEqual(
      warnings.map(({ line }) => line),
      [1, 2, 3],
    );
  });
});

describe("parseEnvFile()", () => {
  const table: readonly (readonly [string, string, number])[] = [
    ["A=1\nexport HOME=/root", 'the line is ignored: leave out "export"', 2],
    ["\uFEFFHOME=/root", "the line is ignored: a byte order mark stands before it", 1],
    ["\n\nsecret text", 'the line has no "=" and is ignored', 3],
    ["c2VjcmV0+/==", 'the line is ignored: what stands before the "=" is no variable\'s name', 1],
    ["A=1\nB='x\ny", "a quote that is opened here is never closed", 2],
    ["A=1\nB=\uFFFD", "bytes that are not UTF-8 make systemd drop the file", 2],
    ["A=1\n#\0", "a NUL byte makes systemd drop the file", 2],
  ];
  for (const [text, why, line] of table) {
    it(`warns of ${JSON.stringify(text)} without showing it`, () => {
      assert.deepEqual(parseEnvFile(text).warnings, [{ line, why }]);
    });
  }

  it("reads any text to its end", () => {
    const piece = fc.constantFrom("A", "=", "\n", "\r", " ", "'", '"', "\\", "#", ";", "x", "\0", "\uFEFF");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        for (const name of parseEnvFile(pieces.join("")).variables.keys()) assert.match(name, /^[A-Za-z_]\w*$/);
      }),
    );
  });
});

describe("applyEnvFiles()", () => {
  const files =
    (texts: Record<string, string>) =>
    (path: string): FileRead =>
      texts[path] === undefined ? { missing: true } : { text: texts[path] };
  const first = "/etc/default/etcd-ark";
  const second = "/etc/systemd/system/etcd-ark.service.env";
  const apply = (options: Partial<EnvFilesOptions> & Pick<EnvFilesOptions, "environment" | "readFile">) =>
    applyEnvFiles({ named: "", pid: 7, isTerminal: false, ...options });

  it("fills what the shell leaves unset; the later file wins, and the files' HOME over the shell's", () => {
    const readFile = files({ [first]: "HOME=/one\nA=1\nB=1", [second]: "HOME=/two\nB=2" });

    const applied = apply({ environment: { HOME: "/home/me", A: "shell" }, readFile });

    assert.deepEqual(applied.environment, { HOME: "/two", A: "shell", B: "2" });
    assert.equal(applied.homeFrom, second);
    assert.equal(applied.homeFile, second);
    assert.deepEqual(applied.files, [first, second]);
    assert.equal(applied.isService, false);
  });

  it("never joins a key of the shell with a secret or a session token of a file", () => {
    const readFile = files({ [first]: "AWS_SESSION_TOKEN=file\nAWS_SECRET_ACCESS_KEY=file\nAWS_PROFILE=p" });

    const { environment } = apply({ environment: { AWS_ACCESS_KEY_ID: "shell" }, readFile });

    assert.deepEqual(environment, { AWS_ACCESS_KEY_ID: "shell", AWS_PROFILE: "p" });
  });

  it("says nothing of HOME when it is the shell's anyway", () => {
    const readFile = files({ [first]: "HOME=/root" });

    const applied = apply({ environment: { HOME: "/root" }, readFile });

    assert.equal(applied.homeFrom, undefined);
    assert.equal(applied.homeFile, first);
  });

  const service: readonly (readonly [string, Record<string, string>, boolean])[] = [
    ["that systemd has started", { SYSTEMD_EXEC_PID: "7", INVOCATION_ID: "x" }, false],
    ["that systemd has started on a terminal", { SYSTEMD_EXEC_PID: "7", INVOCATION_ID: "x" }, true],
    ["that a systemd before 248 has started", { INVOCATION_ID: "x" }, false],
  ];
  for (const [what, set, isTerminal] of service) {
    it(`changes nothing for a process ${what}, which has read the files itself`, () => {
      const environment = { ...set, A: "of a drop-in" };
      const readFile = files({ [first]: "A=1\nHOME=/x" });

      const applied = apply({ environment, readFile, isTerminal });

      assert.deepEqual(applied.environment, environment);
      assert.equal(applied.isService, true);
      assert.equal(applied.homeFile, undefined);
    });
  }

  const shell: readonly (readonly [string, Record<string, string>, boolean])[] = [
    ["on a console, which keeps getty's variables", { SYSTEMD_EXEC_PID: "6", INVOCATION_ID: "x" }, true],
    ["in a script of another service", { SYSTEMD_EXEC_PID: "6", INVOCATION_ID: "x" }, false],
    ["on a console of a systemd before 248", { INVOCATION_ID: "x" }, true],
    ["that knows nothing of systemd", {}, false],
  ];
  for (const [what, set, isTerminal] of shell) {
    it(`reads the files at a shell ${what}`, () => {
      const { environment } = apply({ environment: set, readFile: files({ [first]: "HOME=/x" }), isTerminal });

      assert.equal(environment["HOME"], "/x");
    });
  }

  it("lets a file that was named override the environment, and reads no other", () => {
    const readFile = files({ [first]: "B=1", "/x.env": "HOME=/x\nA=1" });

    const applied = apply({ environment: { HOME: "/me", A: "shell" }, named: "/x.env", readFile });

    assert.deepEqual(applied.environment, { HOME: "/x", A: "1" });
    assert.deepEqual([applied.files, applied.homeFile], [["/x.env"], "/x.env"]);
  });

  it("warns of a default file that it cannot read, and fails on a named one", () => {
    const readFile = (): FileRead => ({ unreadable: "permission denied" });

    assert.equal(apply({ environment: {}, readFile }).warnings.length, 2);
    assert.throws(
      () => apply({ environment: {}, named: "/x.env", readFile }),
      (error) => error instanceof BackupError && error.code === "CONFIG_INVALID",
    );
  });
});
