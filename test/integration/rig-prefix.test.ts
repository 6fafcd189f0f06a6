import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { parseDeb822, sourceFile } from "../support/apt-sources.ts";
import { proxyVariable } from "../support/debian.ts";
import { tempDir } from "../support/temp-dir.ts";

const run = promisify(execFile);
const support = new URL("../support/", import.meta.url).href;

/** Runs a module in a process of its own, as a test file would be. */
async function evaluate(source: string, env: Record<string, string>) {
  const script = source.replaceAll("SUPPORT/", support);
  const args = ["--input-type=module-typescript", "--disable-warning=ExperimentalWarning", "--eval", script];
  const { PATH, [proxyVariable]: proxies } = process.env;
  return await run(process.execPath, args, { env: { PATH, [proxyVariable]: proxies, ...env } });
}

/** Variables that have apt read only the given source files. */
async function aptWith(directory: string, files: Record<string, string>): Promise<Record<string, string>> {
  const parts = join(directory, "sources.list.d");
  await mkdir(parts);
  for (const [name, content] of Object.entries(files)) await writeFile(join(parts, name), content);
  const config = join(directory, "apt.conf");
  await writeFile(config, `Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "${parts}";`);
  return { APT_CONFIG: config, HOME: directory };
}

async function foundSources(files: Record<string, string>) {
  await using directory = await tempDir();
  const { stdout } = await evaluate(
    `import { aptSources } from "SUPPORT/apt-sources.ts"; console.log(JSON.stringify(await aptSources()));`,
    await aptWith(directory.path, files),
  );
  return JSON.parse(stdout);
}

describe("aptSources()", () => {
  it("reads the one-line form with its options, and prefers Debian over who borrows its suite names", async () => {
    const sources = await foundSources({
      "a.list": "deb [arch=amd64] http://127.0.0.1:9/vendor bookworm main\n",
      "b.list": `# a comment
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg arch=amd64] http://127.0.0.1:9/debian bookworm main
deb http://127.0.0.1:9/debian-security bookworm-security main
deb http://127.0.0.1:9/tools stable nightly
`,
    });

    assert.deepEqual(sources, [
      {
        uri: "http://127.0.0.1:9/debian",
        fields: { "signed-by": "/usr/share/keyrings/debian-archive-keyring.gpg" },
      },
      { uri: "http://127.0.0.1:9/vendor", fields: {} },
    ]);
  });

  it("reads the deb822 form with its fields", async () => {
    const sources = await foundSources({
      "debian.sources": `# the first stanza is another's
Types: deb
URIs: http://127.0.0.1:9/vendor
Suites: nodistro
Components: main

Types: deb deb-src
URIs: http://127.0.0.1:9/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`,
    });

    assert.deepEqual(sources, [
      {
        uri: "http://127.0.0.1:9/debian",
        fields: { "signed-by": "/usr/share/keyrings/debian-archive-keyring.gpg" },
      },
    ]);
  });
});

describe("parseDeb822()", () => {
  it("keeps a key that is written into the file, and leaves out what is turned off", () => {
    const key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ\n -----END PGP PUBLIC KEY BLOCK-----";
    const stanza = (uri: string, more: string) =>
      `Types: deb\nURIs: ${uri}\nSuites: trixie\nComponents: main\n${more}\n`;

    const [source, ...others] = parseDeb822(
      [
        stanza("http://127.0.0.1:9/off", "Enabled: no"),
        stanza("http://127.0.0.1:9/debian", `Signed-By:${key}`),
        stanza("http://127.0.0.1:9/source", "").replace("deb", "deb-src"),
      ].join("\n"),
    );

    assert.deepEqual(others, []);
    assert.deepEqual(source, { uri: "http://127.0.0.1:9/debian", fields: { "signed-by": key.trim() } });
    assert.match(sourceFile(source, "trixie"), /^signed-by: -----BEGIN.*\n \.\n mQ\n -----END.*\n$/m);
  });
});

describe("sourceFile()", () => {
  it("asks the same place for another suite", () => {
    const source = { uri: "http://127.0.0.1:9/debian", fields: { "signed-by": "/key.gpg" } };

    assert.equal(
      sourceFile(source, "trixie"),
      "types: deb\nuris: http://127.0.0.1:9/debian\nsuites: trixie\ncomponents: main\nsigned-by: /key.gpg\n",
    );
  });
});

describe("installPrefix()", () => {
  const install = `
    import { installPrefix } from "SUPPORT/debian.ts";
    const packages = ["libc6", "hello"];
    const { root } = await installPrefix({ name: "probe", suite: "bookworm", packages, programs: ["hello"] });
    console.log(root);
  `;

  it("unpacks once for parallel processes, and again after one that died half-way", async () => {
    await using cache = await tempDir();
    const env = { ETCD_ARK_TEST_CACHE: cache.path, HOME: "/nonexistent" };

    const runs = await Promise.all([evaluate(install, env), evaluate(install, env), evaluate(install, env)]);

    const [root = ""] = new Set(runs.map(({ stdout }) => stdout.trim()));
    assert.equal(runs.filter(({ stderr }) => stderr.includes("Unpacking")).length, 1);
    assert.deepEqual(await readdir(cache.path), [root.slice(cache.path.length + 1)]);

    await using second = await tempDir();
    const halfWay = join(second.path, `${root.slice(cache.path.length + 1)}.partial-dead`);
    await mkdir(halfWay, { recursive: true });
    const again = await evaluate(install, { ...env, ETCD_ARK_TEST_CACHE: second.path });
    assert.deepEqual(await readdir(second.path), [again.stdout.trim().slice(second.path.length + 1)]);
  });

  it("tells what apt said when there is nothing to download from", async () => {
    await using directory = await tempDir();
    const env = await aptWith(directory.path, { "a.list": "deb http://127.0.0.1:9/debian bookworm main\n" });

    await assert.rejects(evaluate(install, { ...env, ETCD_ARK_TEST_CACHE: join(directory.path, "cache") }), {
      message: /Cannot download libc6, hello of Debian bookworm[\s\S]*127\.0\.0\.1:9/,
    });

    assert.deepEqual(await readdir(join(directory.path, "cache")), []);
  });
});
