import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkOnline, configSchema } from "../../../src/cli/commands/config.ts";
import { jsonSchema } from "../../../src/config/key-paths.ts";
import { BackupError } from "../../../src/errors.ts";
import { BackupLab } from "../../support/backup-lab.ts";
import { sessionOf } from "./cli-session.ts";

const refused = new BackupError("STORE_REFUSED", "Cannot read: access denied");

describe("checkOnline()", () => {
  it("says what each store answers, and fails with the first that is broken, although another one works", async () => {
    const lab = new BackupLab({ stores: 3 });
    const [, second, third] = lab.stores;
    second?.fail({ method: "get", error: refused, times: 9 });
    third?.fail({ method: "get", error: new BackupError("STORE_UNAVAILABLE", "Cannot reach it"), times: 9 });
    const session = sessionOf(lab);

    await assert.rejects(checkOnline(session), refused);

    const lines = session.printed.stdout.split("\n").filter((line) => line.startsWith("store: "));
    assert.deepEqual(lines, [
      `store: ${lab.store.url("")} answers`,
      `store: ${second?.url("")} cannot be used: Cannot read: access denied`,
      `store: ${third?.url("")} cannot be used: Cannot reach it`,
    ]);
  });

  it("is content when every store answers", async () => {
    const lab = new BackupLab({ stores: 2 });
    const session = sessionOf(lab);

    await checkOnline(session);

    assert.equal(session.printed.stdout.match(/^store: \S+ answers$/gm)?.length, 2);
  });
});

describe("configSchema()", () => {
  it("prints the schema whole, with its title", () => {
    const session = sessionOf(new BackupLab());

    configSchema(session.terminal);

    assert.deepEqual(JSON.parse(session.printed.stdout), JSON.parse(JSON.stringify(jsonSchema())));
    assert.match(session.printed.stdout, /"title": "etcd-ark"/);
  });
});
