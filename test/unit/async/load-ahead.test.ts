import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadAhead } from "../../../src/async/load-ahead.ts";

const never = new AbortController().signal;

/** Loads that end when the test says so. */
class Loads {
  readonly begun: number[] = [];
  readonly aborted: number[] = [];
  readonly #ends = new Map<number, PromiseWithResolvers<string>>();

  load = (item: number, signal: AbortSignal): Promise<string> => {
    this.begun.push(item);
    const end = Promise.withResolvers<string>();
    this.#ends.set(item, end);
    signal.addEventListener("abort", () => {
      this.aborted.push(item);
      end.reject(signal.reason);
    });
    return end.promise;
  };

  end(...items: number[]): void {
    for (const item of items) this.#ends.get(item)?.resolve(`loaded ${item}`);
  }

  fail(item: number, error: Error): void {
    this.#ends.get(item)?.reject(error);
  }
}

describe("loadAhead()", () => {
  it("yields in order, whatever is loaded first", async () => {
    const loads = new Loads();
    const all = Array.fromAsync(loadAhead([1, 2, 3], { ahead: 3, load: loads.load }, never));

    await Promise.resolve();
    loads.end(3, 2, 1);

    assert.deepEqual(await all, ["loaded 1", "loaded 2", "loaded 3"]);
  });

  it("has no more begun than it may, the one in the consumer's hands included", async () => {
    const loads = new Loads();
    const reading = loadAhead([1, 2, 3, 4, 5], { ahead: 3, load: loads.load }, never);

    const first = reading.next();
    assert.deepEqual(loads.begun, [1, 2, 3]);
    loads.end(1, 2, 3);
    await first;
    assert.deepEqual(loads.begun, [1, 2, 3], "the first is not done with");

    await reading.next();
    assert.deepEqual(loads.begun, [1, 2, 3, 4]);
    await reading.return();
  });

  it("throws the first failure in order, after what was loaded before it, and aborts the rest", async () => {
    const loads = new Loads();
    const error = new Error("broken");
    const reading = loadAhead([1, 2, 3, 4], { ahead: 4, load: loads.load }, never);
    const first = reading.next();
    loads.fail(2, error);
    loads.end(1);

    assert.equal((await first).value, "loaded 1");
    await assert.rejects(reading.next(), (thrown) => thrown === error);
    assert.deepEqual(loads.aborted.slice(-2), [3, 4]);
  });

  it("aborts what is under way when its consumer stops early, and leaves no rejection unhandled", async () => {
    const loads = new Loads();
    for await (const _ of loadAhead([1, 2, 3], { ahead: 3, load: (n, s) => settle(loads, n, s) }, never)) break;

    assert.deepEqual(
      loads.aborted.filter((item) => item > 1),
      [2, 3],
    );
  });

  it("stops with the signal's reason, also between two that are loaded", async () => {
    const loads = new Loads();
    const interrupted = new AbortController();
    const reading = loadAhead([1, 2], { ahead: 2, load: loads.load }, interrupted.signal);
    const first = reading.next();
    loads.end(1, 2);
    await first;

    interrupted.abort(new Error("SIGTERM"));

    await assert.rejects(reading.next(), /SIGTERM/);
  });

  it("yields nothing of nothing", async () => {
    assert.deepEqual(await Array.fromAsync(loadAhead([], { ahead: 2, load: new Loads().load }, never)), []);
  });
});

/** Ends the first at once. */
function settle(loads: Loads, item: number, signal: AbortSignal): Promise<string> {
  const loading = loads.load(item, signal);
  if (item === 1) loads.end(1);
  return loading;
}
