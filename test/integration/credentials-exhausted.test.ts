import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { execute } from "../support/execute.ts";
import { tempDir } from "../support/temp-dir.ts";

const source = (path: string): string => import.meta.resolve(`../../${path}`);

/**
 * Runs with few file descriptors and uses them up before the source begins, so that inotify_init1 fails with
 * the EMFILE that it also gives when fs.inotify.max_user_instances is reached. Prints what the source says.
 */
const script = `
import { closeSync, openSync, writeFileSync } from "node:fs";
import { systemClock } from "${source("src/app/system-clock.ts")}";
import { Config } from "${source("src/config/schema.ts")}";
import { createCredentialSource } from "${source("src/credentials/credential-source.ts")}";
import { eventually } from "${source("test/support/eventually.ts")}";

const home = process.argv[1];
const file = home + "/.aws/credentials";
const text = (id) => "[default]\\naws_access_key_id = AKIA" + id + "\\naws_secret_access_key = secret\\n";
writeFileSync(file, text("ONE1"), { mode: 0o600 });
const said = [];
const held = [];
try {
  for (;;) held.push(openSync("/dev/null"));
} catch {}
const source = createCredentialSource({
  config: Config.parse({}).s3,
  environment: { HOME: home, AWS_EC2_METADATA_DISABLED: "true" },
  clock: systemClock,
  onChange: ({ keyTail }) => said.push(keyTail),
  onRejected: () => {},
  onWarning: (message) => said.push(message),
});
await eventually(() => said.length > 0);
for (const descriptor of held) closeSync(descriptor);
await eventually(() => said.includes("ONE1"), { timeoutMs: 5_000 });
writeFileSync(file, text("TWO2"));
await eventually(() => said.includes("TWO2"), { timeoutMs: 5_000 });
await source[Symbol.asyncDispose]();
console.log(JSON.stringify(said));
`;

test("createCredentialSource() says once that it cannot watch, and still uses a new key within 5 s, when inotify is exhausted", async () => {
  await using home = await tempDir();
  await mkdir(join(home.path, ".aws"));
  await writeFile(join(home.path, "script.mjs"), script);
  const limited = 'ulimit -n 96; exec "$0" --input-type=module --eval "$(cat "$1/script.mjs")" "$1"';

  const said = JSON.parse(await execute(["sh", "-c", limited, process.execPath, home.path]));

  assert.deepEqual(said, ["credentials files cannot be watched, so they are read every 3 s", "ONE1", "TWO2"]);
});
