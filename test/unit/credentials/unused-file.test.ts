import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIni } from "../../../src/credentials/ini.ts";
import { describeUnused } from "../../../src/credentials/unused-file.ts";

const fileOf = (name: string, text: string | undefined) =>
  text === undefined ? undefined : { path: `/root/.aws/${name}`, ini: parseIni(text) };

const describe = (credentials: string | undefined, config?: string) =>
  describeUnused({ credentials: fileOf("credentials", credentials), config: fileOf("config", config) }, "default");

test("describeUnused() says that the credentials file is empty when it has no section", () => {
  assert.deepEqual(describe(""), { why: '"/root/.aws/credentials" is empty', profiles: [] });
});

test("describeUnused() names the section that is missing, and the profiles of both files, when there are others", () => {
  const credentials = "[backup]\naws_access_key_id = AKIAFILE\n[backup]\n";
  assert.deepEqual(describe(credentials, "[default]\nregion = x\n[profile ops]\n[profile backup]\n"), {
    why: '"/root/.aws/credentials" has no section [default]',
    profiles: ["backup", "ops"],
  });
});

test("describeUnused() blames no file when there is none, or only the config file with a region", () => {
  assert.deepEqual(describe(undefined), { why: undefined, profiles: [] });
  assert.deepEqual(describe(undefined, "[default]\nregion = x\n"), { why: undefined, profiles: [] });
});
