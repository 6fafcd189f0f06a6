import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Disk } from "../../../src/directory/disk.ts";
import { isBackupError } from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const { signal } = new AbortController();
const attempt = { verb: "read", target: "/d/f" };

describe("Disk.do()", () => {
  test("gives what the work gives, and leaves no timer behind", async () => {
    const clock = new FakeClock();
    const disk = new Disk(clock);

    assert.equal(await disk.do({ ...attempt, run: async () => 42 }, signal), 42);

    assert.equal(clock.sleeping, 0);
  });

  test("says what could not be done to what", async () => {
    const disk = new Disk(new FakeClock());
    const run = async () => {
      throw Object.assign(new Error("EROFS: read-only"), { code: "EROFS" });
    };

    await assert.rejects(disk.do({ verb: "write", target: "file:///d/f", run }, signal), (error) => {
      assert.ok(isBackupError(error, "STORE_REFUSED"));
      assert.equal(error.message, 'Cannot write "file:///d/f": the file system is read-only');
      assert.match(error.hint ?? "", /ReadWritePaths=/);
      return true;
    });
  });

  test("gives up after a minute without an answer, and takes nothing on until it comes", async () => {
    const clock = new FakeClock();
    const disk = new Disk(clock);
    const hanging = Promise.withResolvers<number>();
    const isUnavailable = (error: unknown) => isBackupError(error, "STORE_UNAVAILABLE");
    const undone: number[] = [];
    const undo = async (late: number) => void undone.push(late);

    const rejected = assert.rejects(disk.do({ ...attempt, run: () => hanging.promise, undo }, signal), isUnavailable);
    await clock.advance(59_999);
    await assert.doesNotReject(disk.do({ ...attempt, run: async () => 1 }, signal));
    await clock.advance(1);
    await rejected;
    await assert.rejects(disk.do({ ...attempt, run: async () => 1 }, signal), isUnavailable);
    hanging.resolve(7);
    await clock.advance(0);

    assert.equal(await disk.do({ ...attempt, run: async () => 1 }, signal), 1);
    assert.deepEqual(undone, [7]);
  });

  test("stops waiting with the reason of its signal, and takes back what comes too late", async () => {
    const clock = new FakeClock();
    const disk = new Disk(clock);
    const stop = new AbortController();
    const slow = Promise.withResolvers<string>();
    const undone: string[] = [];
    const undo = async (late: string) => void undone.push(late);
    const reason = new Error("stop");

    const rejected = assert.rejects(
      disk.do({ ...attempt, run: () => slow.promise, undo }, stop.signal),
      (error) => error === reason,
    );
    stop.abort(reason);
    await rejected;
    slow.resolve("opened");
    await clock.advance(0);

    assert.deepEqual(undone, ["opened"]);
    assert.equal(await disk.do({ ...attempt, run: async () => 1 }, signal), 1);
  });
});
