import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { smallOriginals } from "../../tools/fuzz/originals.ts";
import { baselineOf, randomOf, tryCase } from "../../tools/fuzz/trial.ts";
import { etcdPrograms } from "../support/etcd-programs.ts";
import { cleanEnvironment } from "../support/supervisor.ts";
import { tempDir } from "../support/temp-dir.ts";

const run = promisify(execFile);
const CASES = 60;
/** What takes stock etcdutl longer on a file of a few pages never ends. */
const STOCK_TIMEOUT_MS = 20_000;

describe("inspectDatabase() of damaged files", () => {
  it(`finds something in whichever of ${CASES} stock etcdutl refuses or panics over`, async (context) => {
    const seed = Number(process.env["ETCD_ARK_TEST_SEED"] ?? randomInt(2 ** 31));
    context.diagnostic(`ETCD_ARK_TEST_SEED=${seed} makes the same damage again`);
    await using directory = await tempDir();
    const { etcdutl } = await etcdPrograms("3.5");
    const [first, ...others] = await Promise.all(smallOriginals().map(baselineOf));
    assert.ok(first);
    let refusals = 0;
    for (let index = 0; index < CASES; index++) {
      const { bytes, notice, kind, original } = await tryCase([first, ...others], randomOf(seed, index));
      const file = join(directory.path, `${index}.db`);
      await writeFile(file, bytes);
      const refusal = await refusalOf(etcdutl("snapshot", "status", file, "-w", "json"));
      if (refusal === undefined) continue;
      refusals++;
      assert.equal(notice, "finding", `case ${index}, ${kind} of ${original}, stock says: ${refusal}`);
    }
    assert.ok(refusals > CASES / 10, `only ${refusals} files were refused`);
  });
});

/** What the tool said before it failed, if it did. */
async function refusalOf([file = "", ...args]: readonly string[]): Promise<string | undefined> {
  try {
    await run(file, args, { env: cleanEnvironment(), timeout: STOCK_TIMEOUT_MS, killSignal: "SIGKILL" });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 2000) : String(error);
  }
}
