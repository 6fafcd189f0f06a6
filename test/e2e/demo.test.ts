import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const demo = fileURLToPath(new URL("../../tools/demo/demo.ts", import.meta.url));

/** Each sabotage with what the demo has to say of it. */
const sabotages: readonly (readonly [name: string, says: RegExp])[] = [
  ["flip", /FAILED after step \d+: etcd-ark fetch ended with exit code 15: .*SNAPSHOT_CORRUPT/s],
  ["truncate", /FAILED after step \d+: etcd-ark fetch ended with exit code 1[45]: /],
  ["norevoke", /FAILED after step \d+: the old key still works/],
  ["noprune", /FAILED after step \d+: nothing was pruned/],
  ["doctor", /FAILED after step \d+: etcd-ark drill ended with exit code 15: .*the manifest says 7/s],
];

describe("npm run demo", { concurrency: 2 }, () => {
  it("tells the main job in some fifteen lines, and ends with 0", async () => {
    const { code, stdout, stderr } = await runDemo("");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /done: every step held/);
    assert.ok(stdout.trim().split("\n").length <= 17, stdout);
  });

  for (const [sabotage, says] of sabotages) {
    it(`ends with 1 under SABOTAGE=${sabotage}, and says at which step`, async () => {
      const { code, stdout, stderr } = await runDemo(sabotage);
      assert.equal(code, 1, stdout);
      assert.match(stderr, says);
      assert.doesNotMatch(stdout, /done:/);
    });
  }
});

async function runDemo(sabotage: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  // A demo must not outlive a test process that is killed.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", process.execPath, demo], {
    env: { ...process.env, SABOTAGE: sabotage },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [[code], stdout, stderr] = await Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}
