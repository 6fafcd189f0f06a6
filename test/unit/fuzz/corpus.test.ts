import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { smallOriginals } from "../../../tools/fuzz/originals.ts";
import { tryRecords } from "../../../tools/fuzz/records.ts";
import { Tally } from "../../../tools/fuzz/tally.ts";
import { baselineOf, randomOf, tryCase } from "../../../tools/fuzz/trial.ts";

const SEED = 20_261_123;
const CASES = 2000;

describe("a fixed corpus of damage", () => {
  it(`of ${CASES} files ends in findings or figures, and most of it is noticed`, async () => {
    const [first, ...others] = await Promise.all(smallOriginals().map(baselineOf));
    assert.ok(first);
    const tally = new Tally();
    for (let index = 0; index < CASES; index++) {
      const trial = await tryCase([first, ...others], randomOf(SEED, index));
      assert.deepEqual(trial.failures, [], `case ${index}: ${trial.kind} of ${trial.original}`);
      tally.add(trial);
    }
    assert.ok(tally.count("finding") > 0.5 * CASES, tally.report());
    assert.ok(tally.count("other figures") < 0.02 * CASES, tally.report());
  });

  it(`of ${CASES} manifests and identities never throws but a BackupError`, () => {
    for (let index = 0; index < CASES; index++)
      assert.deepEqual(tryRecords(randomOf(SEED, index)), [], `case ${index}`);
  });
});
