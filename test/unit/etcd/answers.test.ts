import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { answersOf } from "../../../src/etcd/answers.ts";

const never = new AbortController().signal;

describe("answersOf()", () => {
  it("yields the answers in the order of the asked, without those that fail", async () => {
    const failures: unknown[] = [];
    const slow = Promise.withResolvers<void>();
    const ask = async (one: number): Promise<number> => {
      if (one === 1) await slow.promise;
      if (one === 2) throw new Error("two");
      if (one === 3) slow.resolve();
      return one * 10;
    };

    const answers = await Array.fromAsync(answersOf([1, 2, 3], ask, { failures, signal: never }));

    assert.deepEqual(answers, [10, 30]);
    assert.deepEqual(failures, [new Error("two")]);
  });

  it("ends the questions that are open when nobody reads on", async () => {
    const signals: AbortSignal[] = [];
    const ask = async (one: number, signal: AbortSignal): Promise<number> => {
      signals.push(signal);
      return one === 1 ? one : await new Promise(() => undefined);
    };

    for await (const answer of answersOf([1, 2], ask, { failures: [], signal: never })) {
      assert.equal(answer, 1);
      break;
    }

    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [true, true],
    );
  });
});
