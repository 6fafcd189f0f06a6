import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { ask } from "../../../src/cli/ask.ts";
import { BackupError } from "../../../src/errors.ts";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const interrupted = new BackupError("INTERRUPTED", "Cannot finish: interrupted by SIGINT");

/** A question on a terminal, or on what is none, whose Ctrl-C interrupts the program. */
function asked({ isTTY }: { isTTY: boolean }) {
  const controller = new AbortController();
  const input = new PassThrough();
  const output = Object.assign(new PassThrough(), { isTTY });
  const interrupt = (): void => controller.abort(interrupted);
  return { input, output, controller, answer: ask("Delete?", { input, output, interrupt, signal: controller.signal }) };
}

describe("ask()", () => {
  for (const [text, expected] of [
    ["y\n", true],
    ["Yes \n", true],
    ["n\n", false],
    ["\n", false],
    ["yesterday\n", false],
  ] as const) {
    it(`takes ${JSON.stringify(text)} for ${expected ? "yes" : "no"}`, async () => {
      const { input, output, answer } = asked({ isTTY: true });
      input.write(text);

      assert.equal(await answer, expected);
      assert.match(String(output.read()), /Delete\? \[y\/N\] /);
    });
  }

  it("is interrupted by Ctrl-C, which no signal reports while a line is edited", async () => {
    const { input, answer } = asked({ isTTY: true });
    input.write(CTRL_C);

    await assert.rejects(answer, interrupted);
  });

  it("is interrupted by a signal", async () => {
    const { controller, answer } = asked({ isTTY: false });
    controller.abort(interrupted);

    await assert.rejects(answer, interrupted);
  });

  it("takes Ctrl-D for no", async () => {
    const { input, answer } = asked({ isTTY: true });
    input.write(CTRL_D);

    assert.equal(await answer, false);
  });

  it("takes the end of the input for no", async () => {
    const { input, answer } = asked({ isTTY: false });
    input.end();

    assert.equal(await answer, false);
  });
});
