import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runArk, startArk } from "../support/cli.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { fill } from "./big-etcd.ts";
import { assertFails, type Scene, setScene, stdoutOf } from "./scene.ts";

const MIB = 2 ** 20;
const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
/** Where users may have namespaces of their own, a file system can be made that really fills up. */
const mayMount = spawnSync("unshare", ["--user", "--map-root-user", "--mount", "true"]).status === 0;

describe("fetch of a snapshot of several ranges", { concurrency: 2 }, () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;
  let scene: Scene;
  let proxy: FaultProxy;
  let name: string;
  let sha256: string;
  let places = 0;

  before(async () => {
    etcd = await startEtcd();
    await fill(etcd, 26);
    rgw = await startRgw({ shared: true });
    proxy = await startFaultProxy(rgw.endpoint, { http: true });
    scene = await setScene({ etcd, rgw, s3Endpoint: proxy.url });
    ({ name, sha256 } = await scene.save());
  });

  after(async () => {
    await scene?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  /** An empty directory. */
  const newPlace = async (): Promise<string> => {
    const path = join(scene.home, `place-${++places}`);
    await mkdir(path);
    return path;
  };

  const configured = (...args: string[]): string[] => [...args, "-c", scene.configFile];

  const assertWhole = async (file: string): Promise<void> => {
    const bytes = await readFile(file);
    assert.equal(bytes.subarray(-32).toString("hex"), sha256);
    assert.equal(createHash("sha256").update(bytes.subarray(0, -32)).digest("hex"), sha256);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  };

  /** A fetch that has written its first range and waits for the second until `release` is called. */
  const midFetch = async (test: (fetch: MidFetch) => Promise<void>): Promise<void> => {
    await using own = await startFaultProxy(rgw.endpoint, { http: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    const when = ({ headers }: { headers: { range?: string | undefined } }): boolean =>
      headers.range?.startsWith(`bytes=${8 * MIB}-`) === true;
    own.inject({ match: { when }, times: 9, do: { hold: promise } });
    await test({ release: resolve, endpoint: `--s3-endpoint=${own.url}` });
    resolve();
  };

  /** What lies there, once the file of a fetch that is under way has bytes. */
  const begun = async (place: string): Promise<string> =>
    await eventually(
      async () => {
        const [file = ""] = await readdir(place);
        return (await stat(join(place, file))).size > 0 ? file : "";
      },
      { timeoutMs: 60_000 },
    );

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`${signal} ends it with 130 and leaves nothing`, () =>
      midFetch(async ({ endpoint }) => {
        const place = await newPlace();
        await using ark = scene.start(["fetch", name, "--to", place, endpoint]);
        await begun(place);
        ark.kill(signal);
        assertFails(await ark.ended, { exit: 130, code: "INTERRUPTED", says: new RegExp(`interrupted by ${signal}`) });
        assert.deepEqual(await readdir(place), []);
      }));
  }

  it("a kill leaves a hidden file that the next one removes a day later", () =>
    midFetch(async ({ endpoint }) => {
      const place = await newPlace();
      await using ark = scene.start(["fetch", name, "--to", place, endpoint]);
      const left = await begun(place);
      ark.kill("SIGKILL");
      await ark.ended;
      assert.match(left, /^\.\.fetch-/);
      assert.deepEqual(await readdir(place), [left]);
      stdoutOf(await scene.ark(["fetch", name, "--to", join(place, "one.db")]));
      assert.deepEqual(await readdir(place), [left, "one.db"], "it might be another's that is under way");
      const dayAgo = (await stat(join(place, left))).mtimeMs / 1000 - 25 * 3600;
      await utimes(join(place, left), dayAgo, dayAgo);
      stdoutOf(await scene.ark(["fetch", name, "--to", join(place, "two.db")]));
      assert.deepEqual(await readdir(place), ["one.db", "two.db"]);
    }));

  it("a file that may not grow so large ends it with 13 and leaves nothing", async () => {
    const place = await newPlace();
    const program = ["prlimit", `--fsize=${12 * MIB}`, process.execPath, main];
    const result = await runArk(configured("fetch", name, "--to", place), { env: scene.env, program });
    assertFails(result, { exit: 13, code: "STORE_FULL", says: /files of this size/, hint: /--to/ });
    assert.deepEqual(await readdir(place), []);
  });

  if (mayMount) {
    /** Runs it with a small file system of its own on the place, and then lists what is there. */
    const onTmpfs = async (place: string, { mib, meanwhile = ":" }: { mib: number; meanwhile?: string }) => {
      const script = `
        mount -t tmpfs -o size=${mib}m,mode=0777 tmpfs '${place}' || exit 99
        "$@" & pid=$!
        ${meanwhile}
        wait $pid; code=$?
        rm -f '${place}/filler'; echo "left: $(ls -A '${place}')" >&2
        exit $code`;
      return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", process.execPath, main];
    };

    it("a disk with too little room refuses it before a byte is written", async () => {
      const place = await newPlace();
      const program = await onTmpfs(place, { mib: 20 });
      const result = await runArk(configured("fetch", name, "--to", place), { env: scene.env, program });
      assertFails(result, { exit: 13, code: "STORE_FULL", says: /are needed and/, hint: /--to/ });
      assert.match(result.stderr, /^left: $/m);
    });

    it("a disk that fills up meanwhile ends it with 13 and leaves nothing", () =>
      midFetch(async ({ endpoint, release }) => {
        const place = await newPlace();
        const meanwhile = `
          until [ -n "$(find '${place}' -name '..fetch-*' -size +1M)" ]; do sleep 0.05; done
          head -c 99M /dev/zero > '${place}/filler' 2>/dev/null; echo filled >&2`;
        const program = await onTmpfs(place, { mib: 50, meanwhile });
        await using ark = startArk(configured("fetch", name, "--to", place, endpoint), { env: scene.env, program });
        await ark.line("filled");
        release();
        const result = await ark.ended;
        assertFails(result, { exit: 13, code: "STORE_FULL", says: /no space is left/, hint: /--to/ });
        assert.match(result.stderr, /^left: $/m);
      }));
  }

  it("shows a bar on a terminal, which ends at 100 %", async () => {
    const place = await newPlace();
    const command = [process.execPath, main, ...configured("fetch", name, "--to", place)].map((word) => `'${word}'`);
    const program = ["script", "-qec", command.join(" "), "/dev/null"];
    const { code, stdout } = await runArk([], { env: { ...scene.env, SHELL: "/bin/sh" }, program });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /\r\[#{24}\] 100% [\d.]+ MiB of [\d.]+ MiB, .*\/s, .* left/);
    await assertWhole(join(place, name));
  });

  it("is whole through cuts, stalls and SlowDown of the same run", async () => {
    await using own = await startFaultProxy(rgw.endpoint, { http: true });
    const when = ({ headers }: { headers: { range?: string | undefined } }): boolean =>
      (headers.range ?? "") !== "" && !headers.range?.startsWith("bytes=0-");
    own.inject({ match: { when }, times: 2, do: { cutResponseAfter: 3 * MIB } });
    own.inject({ match: { when }, do: { answer: 503, code: "SlowDown" } });
    own.inject({ match: { when }, do: { drop: "before" } });
    const place = await newPlace();
    stdoutOf(await scene.ark(["fetch", name, "--to", place, `--s3-endpoint=${own.url}`]));
    await assertWhole(join(place, name));
    assert.deepEqual(await readdir(place), [name]);
  });

  it("--raw leaves what is stored, under the ending of its compression", async () => {
    await using own = await setScene({ etcd, rgw, config: { compression: "zstd" } });
    const saved = await own.save();
    const printed = JSON.parse(stdoutOf(await own.ark(["fetch", saved.name, "--raw", "-o", "json"])));
    assert.equal(printed.path, join(own.home, `${saved.name}.zst`));
    const bytes = await readFile(printed.path);
    assert.ok(bytes.equals(await own.bucket.get(saved.key)));
    assert.equal(printed.storedSha256, createHash("sha256").update(bytes).digest("hex"));
    assert.equal((await stat(printed.path)).mode & 0o777, 0o600);
  });

  it("a missing object, a shorter and a longer one end it with a code and a hint", async () => {
    await using own = await setScene({ etcd, rgw });
    const saved = await own.save();
    const whole = await own.bucket.get(saved.key);
    const place = join(own.home, "there");
    await mkdir(place);
    for (const bytes of [whole.subarray(0, -100), Buffer.concat([whole, Buffer.alloc(100)])]) {
      await own.bucket.put(saved.key, bytes);
      const result = await own.ark(["fetch", saved.name, "--to", place]);
      assertFails(result, { exit: 15, code: "SNAPSHOT_CORRUPT", says: /the manifest says/, hint: /etcd-ark list/ });
    }
    await own.bucket.delete(saved.key);
    const result = await own.ark(["fetch", saved.name, "--to", place]);
    assertFails(result, { exit: 14, code: "SNAPSHOT_NOT_FOUND", says: /no such object/, hint: /etcd-ark list/ });
    assert.deepEqual(await readdir(place), []);
  });
});

interface MidFetch {
  readonly release: () => void;
  /** The flag that leads it through the proxy that holds the range. */
  readonly endpoint: string;
}
