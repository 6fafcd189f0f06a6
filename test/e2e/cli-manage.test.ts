import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import { runArk } from "../support/cli.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { assertFails, CLUSTER, type Scene, setScene, stdoutOf } from "./scene.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

describe("delete, prune, adopt, accept and what needs no server", () => {
  let etcd: EtcdCluster;
  let rgw: Rgw;

  before(async () => {
    etcd = await startEtcd({ shared: true });
    rgw = await startRgw({ shared: true });
  });

  after(async () => {
    await rgw?.[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
  });

  it("delete removes what it names and nothing else", async () => {
    await using scene = await setScene({ etcd, rgw });
    const [first, second] = [await scene.save(), await scene.save()];
    const printed = stdoutOf(await scene.ark(["delete", first.name]));
    assert.equal(printed, `deleted ${first.name} from s3://${scene.bucket.name}/\n`);
    assert.deepEqual(await scene.list(), [second]);
    assert.deepEqual(await scene.left(), [`${CLUSTER}/manifests/${second.name}.json`, second.key]);
  });

  it("delete deletes nothing when one of the names is unknown", async () => {
    await using scene = await setScene({ etcd, rgw });
    const { name } = await scene.save();
    const result = await scene.ark(["delete", name, "ark-none"]);
    assertFails(result, { exit: 14, code: "SNAPSHOT_NOT_FOUND", says: /"ark-none"/, hint: /etcd-ark list/ });
    assert.equal((await scene.list()).length, 1);
  });

  it("prune says beforehand what it will do and why, asks, and does just that", async () => {
    const retention = { last: 0, daily: 0, weekly: 0, onDemand: { last: 1 } };
    await using scene = await setScene({ etcd, rgw, config: { retention } });
    const names = [await scene.save(), await scene.save(), await scene.save()].map(({ name }) => name);
    const plan = JSON.parse(stdoutOf(await scene.ark(["prune", "--dry-run", "-o", "json"])));
    const decided = plan.map(({ name, action }: { name: string; action: string }) => [name, action]);
    assert.deepEqual(Object.fromEntries(decided), {
      [names[0] ?? ""]: "delete",
      [names[1] ?? ""]: "delete",
      [names[2] ?? ""]: "keep",
    });
    assert.equal((await scene.list()).length, 3, "a dry run deletes nothing");
    const unasked = await scene.ark(["prune"]);
    assert.equal(unasked.code, 2, unasked.stderr);
    assert.match(unasked.stderr, /hint: Add --yes/);
    assert.equal((await scene.list()).length, 3, "nobody has said yes");
    const pruned = JSON.parse(stdoutOf(await scene.ark(["prune", "--yes", "-o", "json"])));
    assert.deepEqual(pruned, plan);
    assert.deepEqual(
      (await scene.left()).filter((key) => !key.includes(names[2] ?? "")),
      [],
    );
  });

  for (const [key, typed, code, left] of [
    ["y", "y\n", 0, 1],
    ["Ctrl-C", "\u0003", 130, 2],
    ["Ctrl-D", "\u0004", 0, 2],
  ] as const) {
    it(`prune on a terminal that is answered with ${key} ends with ${code} and leaves ${left} of 2`, async () => {
      const retention = { last: 0, daily: 0, weekly: 0, onDemand: { last: 1 } };
      await using scene = await setScene({ etcd, rgw, config: { retention } });
      await scene.save();
      await scene.save();
      const ended = await onTerminal(scene, { args: ["prune"], question: "Delete 1 snapshot? [y/N] ", typed });
      assert.equal(ended.code, code, ended.text);
      assert.doesNotMatch(ended.text, /bug/);
      if (code === 130) assert.match(ended.text, /^error: .*interrupted by SIGINT \[INTERRUPTED\]/m);
      assert.equal((await scene.list()).length, left);
    });
  }

  it("save prunes only when told to", async () => {
    const retention = { last: 0, daily: 0, weekly: 0, onDemand: { last: 1 } };
    await using scene = await setScene({ etcd, rgw, config: { retention } });
    await scene.save();
    await scene.save();
    assert.equal((await scene.list()).length, 2);
    const last = await scene.save("--prune");
    assert.deepEqual(
      (await scene.list()).map(({ name }) => name),
      [last.name],
    );
  });

  it("save --prune is 3 when S3 refuses to delete: what it stored is printed, and nothing is lost", async () => {
    const retention = { last: 0, daily: 0, weekly: 0, onDemand: { last: 1 } };
    await using scene = await setScene({ etcd, rgw, config: { retention } });
    const first = await scene.save();
    const { name: Bucket, client } = scene.bucket;
    const Resource = `arn:aws:s3:::${Bucket}/${CLUSTER}/manifests/*`;
    const Statement = [{ Effect: "Deny", Principal: "*", Action: "s3:DeleteObject", Resource }];
    await client.send(
      new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: "2012-10-17", Statement }) }),
    );
    const result = await scene.ark(["save", "--prune", "-o", "json"]);
    assertFails(
      { ...result, stdout: "" },
      {
        exit: 3,
        code: "FOLLOW_UP_FAILED",
        says: new RegExp(`The snapshot is stored, but pruning failed: .*"${first.name}": .*access denied`),
        hint: /`etcd-ark prune --dry-run`/,
      },
    );
    const stored = JSON.parse(result.stdout);
    assert.deepEqual(await scene.list(), [first, stored]);
    stdoutOf(await scene.ark(["fetch", first.name]));
  });

  it("a rebuilt etcd is refused until it is adopted, and what was there before stays", async () => {
    await using rebuilt = await startEtcd({ extraArgs: ["--initial-cluster-token=rebuilt"] });
    await using scene = await setScene({ etcd, rgw });
    const before = await scene.save();
    await scene.configure({ etcd: { endpoints: rebuilt.endpoints } });
    const held = await scene.left();
    const refused = { exit: 10, code: "IDENTITY_MISMATCH", says: /belongs to etcd cluster/, hint: /etcd-ark adopt/ };
    assertFails(await scene.ark(["save"]), refused);
    assert.deepEqual(await scene.left(), held);
    assert.match(stdoutOf(await scene.ark(["adopt"])), /adopted for etcd cluster [0-9a-f]+, timeline 2\n$/);
    assert.match(stdoutOf(await scene.ark(["adopt"])), /already, timeline 2\n$/);
    const after = await scene.save();
    assert.notEqual(after.clusterId, before.clusterId);
    assert.equal(after.timeline, "2");
    assert.deepEqual(
      (await scene.list()).map(({ name }) => name),
      [before.name, after.name],
    );
    stdoutOf(await scene.ark(["fetch", before.name]));
  });

  it("a snapshot with half of the keys gone is suspect and freezes pruning until it is accepted", async () => {
    await using own = await startEtcd();
    const retention = { last: 0, daily: 0, weekly: 0, onDemand: { last: 1 } };
    await using scene = await setScene({ etcd: own, rgw, config: { retention } });
    for (let key = 0; key < 5; key++) await own.etcdctl("put", `/registry/${key}`, "x");
    const full = await scene.save();
    await own.etcdctl("del", "/registry/", "--prefix");
    await own.etcdctl("put", "/registry/0", "x");
    const [suspect] = [await scene.save(), await scene.save()];
    assert.match(suspect.suspect.join(), /live keys fell from 5 to 1/);
    const frozen = await scene.ark(["prune", "--yes"]);
    assertFails(
      { ...frozen, stdout: "" },
      { exit: 15, code: "SNAPSHOT_SUSPECT", says: /live|history/, hint: /accept/ },
    );
    assert.equal((await scene.list()).length, 3, "pruning is frozen");
    assert.match(stdoutOf(await scene.ark(["list"])), /SUSPECT: live keys fell from 5 to 1/);
    assert.equal(stdoutOf(await scene.ark(["accept"])), `accepted ${suspect.name} in s3://${scene.bucket.name}/\n`);
    stdoutOf(await scene.ark(["prune", "--yes"]));
    assert.ok(!(await scene.list()).some(({ name }) => name === full.name), "pruning goes on");
  });

  it("list --clusters names the clusters, and reading takes the only one that there is", async () => {
    await using scene = await setScene({ etcd, rgw });
    const { name } = await scene.save();
    const place = ["--s3", `--s3-bucket=${scene.bucket.name}`, `--s3-endpoint=${rgw.endpoint}`];
    const ark = (...args: string[]) => runArk([...args, ...place], { env: scene.env, cwd: scene.home });
    assert.match(stdoutOf(await ark("list")), new RegExp(name));
    await scene.configure({ cluster: "other" });
    await scene.save();
    assert.deepEqual(JSON.parse(stdoutOf(await ark("list", "--clusters", "-o", "json"))), [
      { cluster: CLUSTER, store: `s3://${scene.bucket.name}/` },
      { cluster: "other", store: `s3://${scene.bucket.name}/` },
    ]);
    const both = await ark("list");
    assertFails(both, { exit: 10, code: "CONFIG_INVALID", says: /"e2e", "other"/, hint: /--cluster/ });
    assert.match(stdoutOf(await ark("list", "--cluster=e2e")), new RegExp(name));
  });

  it("config check --online says that keys, etcd and store agree", async () => {
    await using scene = await setScene({ etcd, rgw });
    const printed = stdoutOf(await scene.ark(["config", "check", "--online"]));
    assert.match(printed, /^configuration: right; the next tick is at /);
    assert.match(printed, new RegExp(`credentials: key …${scene.user.accessKeyId.slice(-4)} from `));
    assert.match(printed, /etcd: cluster [0-9a-f]+, .*version 3\.5/);
    assert.match(printed, /store: s3:\/\/.* answers\n$/);
    assert.deepEqual(await scene.bucket.keys(), [], "asking writes nothing");
  });

  it("config check --online fails when one of two stores does not answer, and says what each does", async () => {
    await using scene = await setScene({ etcd, rgw });
    const directory = { path: join(scene.home, "snapshots"), minFree: "0%" };
    await scene.configure({ directory, s3: { endpoint: "http://127.0.0.1:1" } });
    const { code, stdout } = await scene.ark(["config", "check", "--online"]);
    assert.equal(code, 13);
    assert.match(stdout, /^store: s3:\/\/\S+ cannot be used: Cannot .*\nstore: file:\/\/\S+ answers\n$/m);
  });

  it("config print masks every secret", async () => {
    await using scene = await setScene({ etcd, rgw });
    await scene.configure({
      s3: { accessKeyId: "AKIDSECRETID", secretAccessKey: "secret/key", sessionToken: "token!" },
    });
    const printed = stdoutOf(await scene.ark(["config", "print"]));
    assert.match(printed, /secretAccessKey: "\*+"/);
    assert.doesNotMatch(printed, /AKIDSECRETID|secret\/key|token!/);
  });

  for (const shell of ["bash", "zsh"] as const) {
    it(`completion ${shell} prints what bash can parse`, async () => {
      const script = stdoutOf(await runArk(["completion", shell]));
      const parsed = spawnSync("bash", ["-n"], { input: script.replace(/^#compdef.*\nautoload.*\n/, "") });
      assert.equal(parsed.status, 0, String(parsed.stderr));
    });
  }

  it("completion bash completes commands, what is below them, and flags", async () => {
    const script = stdoutOf(await runArk(["completion", "bash"]));
    const complete = (...words: string[]): string[] => {
      const line = `COMP_WORDS=(etcd-ark ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}`;
      const { stdout } = spawnSync("bash", {
        input: `${script}\n${line}\n_etcd_ark\nprintf '%s\\n' "\${COMPREPLY[@]}"`,
      });
      return String(stdout).trim().split("\n");
    };
    assert.deepEqual(complete("sa"), ["save"]);
    assert.deepEqual(complete("config", ""), ["check", "print", "schema"].concat(complete("config", "").slice(3)));
    assert.ok(complete("save", "--s3-b").includes("--s3-bucket"));
  });

  it("usage errors are 2 and say what is known", async () => {
    for (const [args, says] of [
      [["snapshot"], /unknown command 'snapshot'/],
      [["list", "--nope"], /unknown option '--nope'/],
      [["fetch"], /missing required argument 'name'/],
      [["list", "-o", "xml"], /Allowed choices are table, json, yaml/],
      [["save", "--name=a/b"], /a\/b/],
      [["save", "--name=etcd-snapshot"], /etcd-snapshot/],
      [["save", "--etcd-server=https://x"], /--endpoints/],
    ] as const) {
      const result = await runArk(args);
      assert.equal(result.code, 2, `${args.join(" ")}: ${result.code} ${result.stderr}`);
      assert.match(result.stderr, says);
      assert.equal(result.stdout, "");
    }
  });

  it("--help and --version are data", async () => {
    assert.match(stdoutOf(await runArk(["--version"])), /^\d+\.\d+\.\d+\n$/);
    assert.match(stdoutOf(await runArk(["--help"])), /etcd-snapshot/);
    assert.match(stdoutOf(await runArk(["save", "--help"])), /--s3-bucket/);
  });
});

interface Typed {
  readonly args: readonly string[];
  /** What is waited for before anything is typed. */
  readonly question: string;
  readonly typed: string;
}

/** Runs a command on a terminal of its own and answers its question. */
async function onTerminal(scene: Scene, { args, question, typed }: Typed): Promise<{ code: unknown; text: string }> {
  const words = [process.execPath, MAIN, ...args, "-c", scene.configFile].map((word) => `'${word}'`);
  const terminal = ["script", "-qefc", words.join(" "), "/dev/null"];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...terminal], {
    cwd: scene.home,
    env: { PATH: process.env["PATH"], STATE_DIRECTORY: "", NO_COLOR: "1", ...scene.env },
    signal: AbortSignal.timeout(60_000),
  });
  let text = "";
  let answered = false;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk.replaceAll("\r", "");
    if (answered || !text.includes(question)) return;
    answered = true;
    child.stdin.write(typed);
  });
  const [code] = await once(child, "close");
  return { code, text };
}
