import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { type WatchFunction, watchFiles } from "../../../src/credentials/watch.ts";

class FakeWatcher extends EventEmitter {
  closed = false;

  async close(): Promise<void> {
    this.closed = true;
  }
}

function fakeWatch() {
  const calls: { paths: string[]; options: Parameters<WatchFunction>[1]; watcher: FakeWatcher }[] = [];
  const watch: WatchFunction = (paths, options) => {
    const watcher = new FakeWatcher();
    calls.push({ paths, options, watcher });
    return watcher;
  };
  return { calls, watch };
}

test("watchFiles() watches the files themselves and the directories above, for their names alone", async () => {
  const { calls, watch } = fakeWatch();
  await using _watching = watchFiles(["/root/.aws/credentials"], { onHint: () => {}, onBroken: () => {} }, watch);
  const [files, directories] = calls;

  assert.deepEqual(files?.paths, ["/root/.aws/credentials"]);
  assert.equal(files?.options.depth, undefined);
  assert.deepEqual(directories?.paths, ["/root/.aws", "/root"]);
  assert.equal(directories?.options.depth, 0);
  const seen = ["/root", "/root/.aws", "/root/.aws/..data", "/root/.aws/credentials", "/root/big", "/root/.aws/other"];
  assert.deepEqual(
    seen.filter((path) => !directories?.options.ignored?.(path)),
    seen.slice(0, 4),
  );
});

test("watchFiles() hands on events and errors of either watch, and closes both", async () => {
  const { calls, watch } = fakeWatch();
  const heard: string[] = [];
  const watching = watchFiles(
    ["/a/b"],
    { onHint: () => heard.push("hint"), onBroken: (error) => heard.push(String(error)) },
    watch,
  );

  for (const { watcher } of calls) {
    watcher.emit("all", "change", "/a/b");
    watcher.emit("error", new Error("ENOSPC"));
  }
  await watching[Symbol.asyncDispose]();

  assert.deepEqual(heard, ["hint", "Error: ENOSPC", "hint", "Error: ENOSPC"]);
  assert.deepEqual(
    calls.map(({ watcher }) => watcher.closed),
    [true, true],
  );
});
