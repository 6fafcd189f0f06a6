import assert from "node:assert/strict";
import { chmod, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../src/app/system-clock.ts";
import { Config } from "../../src/config/schema.ts";
import { createCredentialSource } from "../../src/credentials/credential-source.ts";
import type { CredentialSource, CredentialsDescription } from "../../src/ports/credentials.ts";
import { eventually } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";

const rotationMs = 5_000;

interface Watched extends AsyncDisposable {
  readonly source: CredentialSource;
  readonly changes: CredentialsDescription[];
  readonly warnings: string[];
}

/** A source over HOME, with all that it says. */
function openSource(home: string, s3: Partial<Config["s3"]> = {}): Watched {
  const changes: CredentialsDescription[] = [];
  const warnings: string[] = [];
  const source = createCredentialSource({
    config: Config.parse({ s3 }).s3,
    environment: { HOME: home, AWS_EC2_METADATA_DISABLED: "true" },
    clock: systemClock,
    onChange: (description) => changes.push(description),
    onRejected: () => {},
    onWarning: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`),
  });
  return { source, changes, warnings, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() };
}

const credentials = (id: string): string =>
  `[default]\naws_access_key_id = AKIA${id}\naws_secret_access_key = secret-of-${id}\n`;

async function untilKey(source: CredentialSource, id: string): Promise<void> {
  await eventually(() => source.describe()?.keyTail === id.slice(-4), { timeoutMs: rotationMs });
  assert.equal((await source.current()).secretAccessKey, `secret-of-${id}`);
}

const ways: Record<string, (file: string, text: string) => Promise<void>> = {
  "truncated and written in two steps": async (file, text) => {
    await writeFile(file, text.slice(0, 50));
    await delay(60);
    await writeFile(file, text);
  },
  "renamed over": async (file, text) => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  },
  "deleted and created": async (file, text) => {
    await rm(file);
    await delay(300);
    await writeFile(file, text);
  },
  "put in place with its whole directory": async (file, text) => {
    const directory = dirname(file);
    await mkdir(`${directory}.new`);
    await writeFile(join(`${directory}.new`, "credentials"), text);
    await rename(directory, `${directory}.old`);
    await rename(`${directory}.new`, directory);
  },
};

for (const [way, write] of Object.entries(ways)) {
  test(`createCredentialSource() uses a new key within 5 s, twice, when the file is ${way}`, async () => {
    await using home = await tempDir();
    const file = join(home.path, ".aws", "credentials");
    await mkdir(dirname(file));
    await writeFile(file, credentials("ONE1"), { mode: 0o600 });
    await using watched = openSource(home.path);
    await untilKey(watched.source, "ONE1");

    await write(file, credentials("TWO2"));
    await untilKey(watched.source, "TWO2");
    await rm(join(home.path, ".aws.old"), { recursive: true, force: true });
    await write(file, credentials("THREE3"));
    await untilKey(watched.source, "THREE3");

    assert.deepEqual(
      watched.changes.map((change) => change.keyTail),
      ["ONE1", "TWO2", "REE3"],
    );
  });
}

test("createCredentialSource() uses a new key within 5 s when Kubernetes swaps the ..data link", async () => {
  await using home = await tempDir();
  const mount = join(home.path, ".aws");
  const publish = async (version: string): Promise<void> => {
    await mkdir(join(mount, `..${version}`), { recursive: true });
    await writeFile(join(mount, `..${version}`, "credentials"), credentials(version));
    await symlink(`..${version}`, join(mount, "..data_tmp"));
    await rename(join(mount, "..data_tmp"), join(mount, "..data"));
  };
  await publish("ONE1");
  await symlink("..data/credentials", join(mount, "credentials"));
  await using watched = openSource(home.path);
  await untilKey(watched.source, "ONE1");

  await publish("TWO2");
  await untilKey(watched.source, "TWO2");
  await publish("THREE3");
  await untilKey(watched.source, "THREE3");
});

test("createCredentialSource() begins to work within 5 s when the directory appears after the start", async () => {
  await using home = await tempDir();
  await using watched = openSource(home.path);
  await assert.rejects(watched.source.current(), { code: "CREDENTIALS_MISSING" });
  assert.equal(watched.source.describe(), undefined);

  await mkdir(join(home.path, ".aws"));
  await delay(200);
  await writeFile(join(home.path, ".aws", "credentials"), credentials("LATE"));

  await untilKey(watched.source, "LATE");
});

test("createCredentialSource() sees a rotation within 5 s when the whole HOME appears after the start", async () => {
  await using parent = await tempDir();
  const home = join(parent.path, "deep", "home");
  await using watched = openSource(home);
  await assert.rejects(watched.source.current(), { code: "CREDENTIALS_MISSING" });

  await mkdir(join(home, ".aws"), { recursive: true });
  await writeFile(join(home, ".aws", "credentials"), credentials("LATE"));
  await untilKey(watched.source, "LATE");
  await writeFile(join(home, ".aws", "credentials"), credentials("TWO2"));
  await untilKey(watched.source, "TWO2");
});

test("createCredentialSource() keeps the last good set and says so once when the file stays torn", async () => {
  await using home = await tempDir();
  const file = join(home.path, ".aws", "credentials");
  await mkdir(dirname(file));
  await writeFile(file, credentials("ONE1"), { mode: 0o600 });
  await using watched = openSource(home.path);
  await untilKey(watched.source, "ONE1");

  await writeFile(file, credentials("TWO2").split("aws_secret")[0] ?? "");
  await eventually(() => watched.warnings.length > 0, { timeoutMs: rotationMs });
  await delay(2_500);

  assert.equal((await watched.source.current()).secretAccessKey, "secret-of-ONE1");
  assert.equal(watched.warnings.length, 1);
  assert.match(watched.warnings[0] ?? "", /aws_secret_access_key is missing/);
  await writeFile(file, credentials("TWO2"));
  await untilKey(watched.source, "TWO2");
});

test("createCredentialSource() warns with the command to run when others may read the file", async () => {
  await using home = await tempDir();
  const file = join(home.path, ".aws", "credentials");
  await mkdir(dirname(file));
  await writeFile(file, credentials("ONE1"), { mode: 0o644 });
  await using watched = openSource(home.path);
  await untilKey(watched.source, "ONE1");
  await watched.source.refresh();

  assert.equal(watched.warnings.length, 1);
  assert.ok(watched.warnings[0]?.includes(`chmod 600 ${file}`));
});

const openModes = [
  { what: "file", mode: 0o666, path: (home: string) => join(home, ".aws", "credentials"), hint: /chmod 600/ },
  { what: "directory", mode: 0o777, path: (home: string) => join(home, ".aws"), hint: /chmod o-w/ },
];
for (const { what, mode, path, hint } of openModes) {
  test(`createCredentialSource() refuses the file when everyone may write to the ${what}`, async () => {
    await using home = await tempDir();
    await mkdir(join(home.path, ".aws"));
    await writeFile(join(home.path, ".aws", "credentials"), credentials("ONE1"), { mode: 0o600 });
    await chmod(path(home.path), mode);
    await using watched = openSource(home.path);

    await assert.rejects(watched.source.current(), {
      code: "CREDENTIALS_INVALID",
      message: /everyone may write/,
      hint,
    });

    await chmod(path(home.path), 0o700);
    await eventually(() => watched.source.describe(), { timeoutMs: rotationMs });
  });
}

test("createCredentialSource() takes the file when its directory is open to all and sticky", async () => {
  await using home = await tempDir();
  await mkdir(join(home.path, ".aws"));
  await writeFile(join(home.path, ".aws", "credentials"), credentials("ONE1"), { mode: 0o600 });
  await chmod(join(home.path, ".aws"), 0o1777);
  await using watched = openSource(home.path);

  await untilKey(watched.source, "ONE1");
});

test("createCredentialSource() follows a key whose id and secret are kept in files of their own", async () => {
  await using directory = await tempDir();
  const accessKeyIdFile = join(directory.path, "id");
  const secretAccessKeyFile = join(directory.path, "secret");
  await writeFile(accessKeyIdFile, "AKIAONE1\n");
  await writeFile(secretAccessKeyFile, "secret-of-ONE1\n", { mode: 0o600 });
  await using watched = openSource(directory.path, { accessKeyIdFile, secretAccessKeyFile });
  await untilKey(watched.source, "ONE1");

  await writeFile(accessKeyIdFile, "AKIATWO2");
  await writeFile(secretAccessKeyFile, "secret-of-TWO2");

  await untilKey(watched.source, "TWO2");
  assert.deepEqual(watched.warnings, []);
});
