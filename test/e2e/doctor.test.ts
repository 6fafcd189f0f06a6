import assert from "node:assert/strict";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { PutBucketPolicyCommand, PutBucketVersioningCommand } from "@aws-sdk/client-s3";
import type { Check, CheckSummary } from "../../src/model/check.ts";
import type { ArkOptions, ArkResult } from "../support/cli.ts";
import { type EtcdCluster, startEtcd } from "../support/etcd.ts";
import { eventually } from "../support/eventually.ts";
import { type Rgw, startRgw } from "../support/rgw.ts";
import { startLearner } from "./learner.ts";
import { credentialsText, type Scene, type Settings, setScene } from "./scene.ts";

const DEAD = "http://127.0.0.1:1";

interface Report extends ArkResult {
  readonly checks: readonly Check[];
  readonly summary: CheckSummary;
}

async function doctor(scene: Scene, args: readonly string[] = [], options: ArkOptions = {}): Promise<Report> {
  const result = await scene.ark(["doctor", "-o", "json", ...args], options);
  const { checks, summary } = JSON.parse(result.stdout);
  return { ...result, checks, summary };
}

const namesOf = ({ checks }: Report, outcome: Check["outcome"]): string[] =>
  checks.flatMap((check) => (check.outcome === outcome ? [`${check.group} ${check.name}`] : []));

/** One cause, one failure, and that is what the command says, too. */
function assertOnlyFailure(report: Report, name: string, says: RegExp, hint: RegExp): void {
  assert.deepEqual(namesOf(report, "fail"), [name], report.stdout);
  const failure = report.checks.find(({ outcome }) => outcome === "fail");
  assert.match(failure?.detail ?? "", says);
  assert.match(failure && failure.outcome !== "pass" ? failure.hint : "", hint);
  assert.equal(report.code, 1);
  assert.match(report.stderr, /^error: .*1 of \d+ checks failed \[DOCTOR_FAILED\]$/m);
}

describe("doctor", () => {
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

  const stage = (config: Settings = {}) => setScene({ etcd, rgw, config });

  it("is 0 on a healthy rig, whose bucket and directory it leaves as they were", async () => {
    await using scene = await stage();
    const path = join(scene.home, "backups");
    await scene.configure({ directory: { path, minFree: "0%" } });
    await scene.save();
    const before = [await scene.bucket.versions(), await scene.bucket.uploads()];
    const report = await doctor(scene);
    assert.equal(report.code, 0, report.stdout + report.stderr);
    assert.equal(report.summary.fail, 0);
    assert.equal(report.summary.pass, namesOf(report, "pass").length);
    const groups = [...new Set(report.checks.map(({ group }) => group))];
    assert.deepEqual(groups, ["configuration", "credentials", "etcd", "bucket", "directory"]);
    for (const name of ["bucket multipart", "bucket delete", "bucket removal", "etcd quorum", "directory write"]) {
      assert.ok(namesOf(report, "pass").includes(name), name);
    }
    assert.deepEqual([await scene.bucket.versions(), await scene.bucket.uploads()], before);
  });

  it("prints a table with a hint below what did not pass", async () => {
    await using scene = await stage();
    const { stdout, code } = await scene.ark(["doctor"]);
    assert.equal(code, 0);
    assert.match(stdout, /^OUTCOME +CHECK +DETAIL\n/);
    assert.match(stdout, /^warn +bucket lifecycle .*\n +hint: Add a lifecycle rule/m);
    assert.ok(!stdout.includes("\u001b"), "no colour without a terminal");
  });

  it("fails for a wrong secret, and looks at etcd all the same", async () => {
    await using scene = await stage();
    await writeFile(scene.credentialsFile, credentialsText({ ...scene.user, secretAccessKey: "wrong" }));
    const report = await doctor(scene);
    assertOnlyFailure(report, "bucket reach", /secret key does not fit/, /Correct the secret key in .*credentials/);
    assert.ok(namesOf(report, "pass").includes("etcd quorum"));
    assert.doesNotMatch(report.stdout + report.stderr, /wrong/);
  });

  it("fails for a bucket that does not exist", async () => {
    await using scene = await stage({ s3: { bucket: "ark-there-is-none" } });
    assertOnlyFailure(await doctor(scene), "bucket reach", /does not exist/, /Create it/);
  });

  it("fails for an etcd that is not there, and looks at the bucket all the same", async () => {
    await using scene = await stage({ etcd: { endpoints: [DEAD] } });
    const report = await doctor(scene);
    assertOnlyFailure(report, `etcd ${DEAD}`, /connection refused/, /etcd\.endpoints/);
    assert.ok(namesOf(report, "pass").includes("bucket removal"));
    assert.deepEqual(await scene.bucket.versions(), []);
  });

  it("fails for an S3 that is not there, and looks at etcd all the same", async () => {
    await using scene = await stage({ s3: { endpoint: DEAD } });
    const report = await doctor(scene);
    assertOnlyFailure(report, "bucket reach", /no connection/, /s3\.endpoint/);
    assert.ok(namesOf(report, "pass").includes("etcd quorum"));
  });

  it("warns of a learner beside a voting member, and fails for a learner alone", async () => {
    await using cluster = await startEtcd();
    await using learner = await startLearner(cluster);
    await using scene = await setScene({ etcd: cluster, rgw });
    await scene.configure({ etcd: { endpoints: [...cluster.endpoints, learner.endpoint] } });
    const beside = await doctor(scene, ["--no-write"]);
    assert.equal(beside.code, 0, beside.stdout);
    assert.ok(namesOf(beside, "warn").includes("etcd role"));
    await scene.configure({ etcd: { endpoints: [learner.endpoint] } });
    assertOnlyFailure(await doctor(scene, ["--no-write"]), "etcd role", /cannot be read from/, /member promote/);
  });

  it("fails without HOME when nothing else gives credentials, and names the file to edit", async () => {
    await using scene = await stage();
    const report = await doctor(scene, [], { env: { AWS_EC2_METADATA_DISABLED: "true" } });
    assertOnlyFailure(report, "credentials source", /HOME is unset/, /etcd-ark\.service\.env/);
    assert.ok(namesOf(report, "warn").includes("configuration HOME"));
  });

  it("fails without a credentials file", async () => {
    await using scene = await stage();
    await rm(scene.credentialsFile);
    const report = await doctor(scene);
    assertOnlyFailure(report, "credentials source", /no source is configured/, /Write a key to/);
  });

  it("warns of a credentials file that others can read, and is 0", async () => {
    await using scene = await stage();
    await chmod(scene.credentialsFile, 0o644);
    const report = await doctor(scene);
    assert.equal(report.code, 0);
    assert.ok(namesOf(report, "warn").includes("credentials mode"));
  });

  it("says where HOME comes from", async () => {
    await using scene = await stage();
    const file = join(scene.home, "service.env");
    await writeFile(file, `HOME=${scene.home}\n`);
    const report = await doctor(scene, ["--env-file", file], { env: { AWS_EC2_METADATA_DISABLED: "true" } });
    assert.equal(report.code, 0, report.stdout);
    assert.equal(report.checks.find(({ name }) => name === "HOME")?.detail, `HOME=${scene.home} from ${file}`);
  });

  const configurations: readonly (readonly [string, Settings, RegExp])[] = [
    ["configuration file", { nonsense: true }, /there is no such key/],
    ["configuration stores", { s3: { bucket: "" } }, /neither a bucket nor a directory/],
    ["configuration bucket", { s3: { endpointCA: "/nowhere/ca.pem" } }, /s3\.endpointCA/],
  ];
  for (const [name, config, says] of configurations) {
    it(`fails for a configuration that cannot be used: ${name} ${JSON.stringify(config)}`, async () => {
      await using scene = await stage(config);
      assertOnlyFailure(await doctor(scene), name, says, /./);
    });
  }

  it("writes nothing with --no-write", async () => {
    await using scene = await stage();
    const { name, client } = scene.bucket;
    const Resource = `arn:aws:s3:::${name}/*`;
    const Statement = [{ Effect: "Deny", Principal: "*", Action: ["s3:PutObject"], Resource }];
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
    await client.send(new PutBucketPolicyCommand({ Bucket: name, Policy }));
    const report = await doctor(scene, ["--no-write"]);
    assert.equal(report.code, 0, report.stdout);
    assert.ok(!report.checks.some((check) => check.name === "put"));
    const writing = await doctor(scene);
    assert.deepEqual(namesOf(writing, "fail"), ["bucket put"]);
  });

  it("leaves nothing when it is interrupted, and is 130", async () => {
    await using scene = await stage();
    const { name, client, versions, uploads } = scene.bucket;
    const VersioningConfiguration = { Status: "Enabled" as const };
    await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }));
    await using ark = scene.start(["doctor"]);
    await eventually(async () => (await versions()).length > 0);
    ark.kill("SIGINT");
    const { code, stderr } = await ark.ended;
    assert.equal(code, 130, stderr);
    assert.deepEqual([await versions(), await uploads()], [[], []]);
  });
});
